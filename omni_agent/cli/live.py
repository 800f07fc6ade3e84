"""The conversation while it happens: a panel in a terminal, plain lines anywhere else.

Fed with the same records that the recorder writes; has no clock, so it can also replay a file.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TextIO

from ..core.errors import BackendError, WireError
from ..core.recording import (AgentState, Diagnostics, Interrupt, Line, Meta, Percept, Playback,
                              React, Record,
                              SpeechState, parse)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.live import Live
    from rich.text import Text

REFRESH_HZ = 8.0
LOG_LINES = 8
METER = 18                 # [characters]
FLOOR_DBFS = -60.0         # the empty meter
EVIDENCE_SHOWN = 4

LEVELS = {0: 'ok', 1: 'warning', 2: 'ERROR', 3: 'no news'}
REASONS = {
    'barge_in': 'cut in: the answer is void', 'stop_phrase': 'stop: the answer is void',
    'hush': 'told to hush',
    'superseded': 'went on: the answer is void', 'lost': 'no news of the reply: given up',
    'first_sound': 'voice lowered', 'no_interrupt': 'voice back up',
}
COLOURS = {'person': 'dark_orange', 'robot': 'deep_sky_blue1', 'good': 'green3', 'bad': 'red1',
           'low': 'gold3'}


class LiveView:
    """Feed it records; look at it through ``render`` or, as a context manager, on the terminal.

    ``total`` is the number of lines of the scenario (0: not known). One thread feeds; the
    display's own thread renders, from attributes that are only ever replaced.
    """

    def __init__(self, title: str, total: int = 0, stream: TextIO | None = None) -> None:
        self.title = title
        self.total = total
        self.stream = stream or sys.stdout
        self.terminal = self.stream.isatty()
        self.t0: float | None = None
        self.now = 0.0                                     # newest time seen
        self.line: Line | None = None
        self.voice: SpeechState | None = None
        self.state: AgentState | None = None
        self.judged: AgentState | None = None              # newest state with an addressee score
        self._told: tuple[int, float] | None = None        # utterance and score, as printed
        self.playback: Playback | None = None
        self.words = ''
        self.scene = ''
        self.epoch = self.first_epoch = 0                  # shown as a difference: both are huge
        self.ducked = False
        self.latency: dict[str, float] = {}
        self.nodes: dict[str, Diagnostics] = {}
        self.log: tuple[str, ...] = ()
        self.malformed = 0
        self._speech_end = 0.0
        self._answered = 0                                 # epoch whose first sound was measured
        self._live: Live | None = None

    def __enter__(self) -> LiveView:
        if self.terminal:
            self._live = _live(self)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def feed(self, data: dict) -> None:
        """Take in one record; one that cannot be read is counted."""
        try:
            record = parse(data)
        except WireError:
            self.malformed += 1
            return
        if record is None:
            return
        if self.t0 is None:
            self.t0 = record.t0 if isinstance(record, Meta) else record.t
        self.now = max(self.now, record.t)
        event = self._take(record)
        if event:
            self._note(record, event)

    def _note(self, record: Record, event: str) -> None:
        at = getattr(record, 'received', record.t) - (self.t0 or 0.0)
        text = f'{at:7.2f} s  {event}'
        self.log = (*self.log, text)[-LOG_LINES:]
        if not self.terminal:
            print(text, file=self.stream, flush=True)

    def _take(self, record: Record) -> str | None:
        """Update what is shown; returns a line for the log if something notable happened."""
        if isinstance(record, SpeechState):
            self.voice = record
            return None
        if isinstance(record, Line):
            return self._take_line(record)
        if isinstance(record, Percept):
            return self._take_percept(record)
        if isinstance(record, Interrupt):
            return self._take_interrupt(record)
        if isinstance(record, Playback):
            return self._take_playback(record)
        if isinstance(record, AgentState):
            return self._take_state(record)
        if isinstance(record, Diagnostics):
            return self._take_diagnostics(record)
        if isinstance(record, React):
            return f'robot    decides to answer: {record.brief}'
        return None

    def _take_line(self, line: Line) -> str | None:
        again = self.line is not None and self.line.index == line.index
        self.line = line
        if line.missed:
            return f'scenario line {line.index + 1} ({line.name}) was never said'
        return None if again else f'{line.who:<8} {line.text}   [{line.name}]'

    def _take_percept(self, percept: Percept) -> str | None:
        if percept.kind == 'scene':
            changed, self.scene = percept.text != self.scene, percept.text
            return f'camera   {percept.text}' if changed else None
        if percept.kind == 'speech_stopped':
            self._speech_end = percept.t
        if percept.kind in ('partial', 'final'):
            self.words = percept.text
        return f'heard    "{percept.text}"' if percept.kind == 'final' else None

    def _take_interrupt(self, interrupt: Interrupt) -> str | None:
        delay_s = interrupt.t - interrupt.evidence if interrupt.evidence > 0 else None
        self.epoch, self.ducked = interrupt.epoch, interrupt.ducked
        self.first_epoch = self.first_epoch or interrupt.epoch
        if delay_s is not None and interrupt.reason == 'first_sound':
            self.latency = {**self.latency, 'lower order': delay_s}
        if delay_s is not None and interrupt.reason in ('barge_in', 'stop_phrase'):
            self.latency = {**self.latency, 'stop order': delay_s}
        event = REASONS.get(interrupt.reason)
        if event is None:
            return None
        after = '' if delay_s is None else f' (ordered {1000 * delay_s:.0f} ms after the sound)'
        return f'robot    {event}{after}'

    def _take_playback(self, playback: Playback) -> str | None:
        self.playback = playback
        if playback.state == 'started' and playback.epoch != self._answered:
            self._answered = playback.epoch
            return self._first_sound(playback)
        if playback.state == 'finished':
            return f'robot    said: {playback.heard}'
        if playback.state == 'flushed' and playback.heard:
            return f'robot    cut off after: {playback.heard}'
        return None

    def _first_sound(self, playback: Playback) -> str:
        """Counted from the true end of the scenario's line, else from the one perceived."""
        ends = [self._speech_end]
        if self.line is not None and not self.line.missed:
            ends.append(self.line.end)
        before = [end for end in ends if 0 < end < playback.t]
        if not before:
            return 'robot    begins to speak'
        self.latency = {**self.latency, 'first sound': playback.t - max(before)}
        return f'robot    begins to speak, {playback.t - max(before):.2f} s after the last word'

    def _take_state(self, state: AgentState) -> str | None:
        self.state, self.epoch, self.ducked = state, state.epoch, state.ducked
        self.first_epoch = self.first_epoch or state.epoch
        if state.addressee_score != state.addressee_score:
            return None
        self.judged = state
        key = state.utterance, round(state.addressee_score, 1)
        # while somebody speaks it may change with every word
        if key == self._told or (state.person, state.agent) == ('speaking', 'idle'):
            return None
        self._told = key
        verdict = 'meant for me' if state.addressee_score >= 0.5 else 'not meant for me'
        return f'robot    {verdict} ({state.addressee_score:.2f}): {state.why}'

    def _take_diagnostics(self, report: Diagnostics) -> str | None:
        before = self.nodes.get(report.node)
        self.nodes = {**self.nodes, report.node: report}
        if report.level == (before.level if before is not None else 0):
            return None
        return f'{report.node:<8} {LEVELS.get(report.level, report.level)}: {report.message}'

    def render(self) -> RenderableType:
        """The panel as it stands now. Raises BackendError if rich is missing."""
        try:
            from rich.console import Group
            from rich.panel import Panel
            from rich.rule import Rule
        except ImportError as error:
            raise BackendError('the live view needs rich: pip install rich') from error
        body = Group(self._grid(), self._facts(), Rule(style='grey37'), self._log())
        elapsed = self.now - self.t0 if self.t0 is not None else 0.0
        progress = f'{int(elapsed // 60)}:{int(elapsed % 60):02d}'
        if self.line is not None:
            total = f' of {self.total}' if self.total else ''
            progress = f'line {self.line.index + 1}{total}: {self.line.name}   {progress}'
        return Panel(body, title=f'[bold]{self.title}[/]', title_align='left', subtitle=progress,
                     subtitle_align='right', border_style='grey50', padding=(0, 1))

    def _grid(self) -> RenderableType:
        from rich.table import Table
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(width=9, style='grey62', no_wrap=True)
        grid.add_column(width=METER, no_wrap=True)
        grid.add_column(width=10, no_wrap=True)
        grid.add_column(ratio=1, no_wrap=True, overflow='ellipsis')
        state = self.state
        person, agent = ('–', '–') if state is None else (state.person, state.agent)
        grid.add_row('person', self._meter('person'), person, self.words or '–')
        grid.add_row('robot', self._meter('robot'), agent, self._tail() or '–')
        grid.add_row('meant me?', self._score_bar(), self._score_word(), self._evidence())
        return grid

    def _facts(self) -> RenderableType:
        from rich.table import Table
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(width=9, style='grey62', no_wrap=True)
        grid.add_column(ratio=1)
        lowered = '   voice lowered' if self.ducked else ''
        grid.add_row('answer',
                     f'epoch +{self.epoch - self.first_epoch}{lowered}   {self._latencies()}')
        grid.add_row('sees', self.scene or '–')
        grid.add_row('nodes', self._health())
        return grid

    def _meter(self, who: str) -> Text:
        from rich.text import Text
        share = self._person_level() if who == 'person' else self._robot_level()
        filled = round(METER * share)
        colour = COLOURS['low'] if who == 'robot' and self.ducked else COLOURS[who]
        return Text.assemble(('━' * filled, colour), ('━' * (METER - filled), 'grey23'))

    def _person_level(self) -> float:
        voice = self.voice
        if voice is None or not voice.is_speaking:
            return 0.0
        level = voice.level_dbfs if voice.level_dbfs == voice.level_dbfs else FLOOR_DBFS
        return min(1.0, max(0.05, 1.0 - level / FLOOR_DBFS))

    def _robot_level(self) -> float:
        playing = self.playback is not None and self.playback.state in ('started', 'playing')
        return 0.0 if not playing else 0.15 if self.ducked else 0.75

    def _tail(self) -> str:
        """The robot's newest words: what is being said now is at the end."""
        if self.playback is None or self.playback.state not in ('started', 'playing'):
            return ''
        heard = self.playback.heard
        return heard if len(heard) < 60 else '… ' + heard[-58:].split(' ', 1)[-1]

    def _score_bar(self) -> Text:
        from rich.text import Text
        if self.judged is None:
            return Text('–')
        filled = round(METER * min(1.0, max(0.0, self.judged.addressee_score)))
        colour = COLOURS['good'] if self.judged.addressee_score >= 0.5 else 'grey50'
        return Text.assemble(('━' * filled, colour), ('━' * (METER - filled), 'grey23'))

    def _score_word(self) -> str:
        if self.judged is None:
            return ''
        score = self.judged.addressee_score
        return f'{score:.2f} {"yes" if score >= 0.5 else "no"}'

    def _evidence(self) -> Text:
        from rich.text import Text
        if self.judged is None:
            return Text('–')
        strongest = sorted(self.judged.evidence.items(),
                           key=lambda item: -abs(item[1]))[:EVIDENCE_SHOWN]
        parts = [(f'{name} {value:+.1f}   ', COLOURS['good'] if value > 0 else COLOURS['bad'])
                 for name, value in strongest]
        return Text.assemble(*parts) if parts else Text(self.judged.why)

    def _latencies(self) -> str:
        units = {'first sound': (1.0, 's', '.2f'), 'lower order': (1000.0, 'ms', '.0f'),
                 'stop order': (1000.0, 'ms', '.0f')}
        parts = [f'{name} {self.latency[name] * factor:{form}} {unit}'
                 for name, (factor, unit, form) in units.items() if name in self.latency]
        return '   '.join(parts) or '–'

    def _health(self) -> Text:
        from rich.text import Text
        colours = (COLOURS['good'], COLOURS['low'], COLOURS['bad'], COLOURS['bad'])
        parts: list[tuple[str, str]] = []
        for name, report in self.nodes.items():
            parts += [('● ', colours[min(3, max(0, report.level))]), (f'{name}  ', '')]
            if report.level:
                parts.append((f'{report.message}  ', COLOURS['bad']))
        return Text.assemble(*parts) if parts else Text('–')

    def _log(self) -> Text:
        from rich.text import Text
        lines = self.log
        text = Text('\n'.join([*lines, *[''] * (LOG_LINES - len(lines))]), no_wrap=True,
                    overflow='ellipsis')
        text.highlight_regex(r'(?m)^\s*[\d.]+ s', 'grey50')
        text.highlight_regex(r'(?m)(?<= s  )robot\b', COLOURS['robot'])
        text.highlight_regex(r'(?m)(?<= s  )(heard|camera)\b', 'grey62')
        text.highlight_regex(r'(?m)\[[^\]]*\]$', 'grey50')
        return text


def _live(view: LiveView) -> Live:
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError as error:
        raise BackendError('the live view needs rich: pip install rich') from error
    return Live(console=Console(file=view.stream), get_renderable=view.render,
                refresh_per_second=REFRESH_HZ,
                transient=False)
