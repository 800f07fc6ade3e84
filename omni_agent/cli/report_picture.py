"""``timeline.png``: the conversation as a score, one lane per voice, state and decision."""

from __future__ import annotations

import math
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Sequence

import numpy as np

from ..core.recording import Recording, Tracks
from ..core.sounding import RobotSound, Span, lowered_spans
from . import plotting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROW_S = 30.0               # about what a line of words needs to stay readable at WIDTH_IN
MOST_ROWS = 12             # a long talk gets longer rows, not an endless picture
WIDTH_IN, ROW_IN, DPI = 16.0, 5.6, 125     # 2000 pixels wide
PEAK_S = 0.02              # one stroke of a waveform
FADE_S = 0.1               # what is still on its way out when a voice ends
LETTERS_PER_IN = 14.6      # of WORDS_PT
WORDS_PT = 9.5

INK, MUTED, RULE, BED, PAPER = '#1c2333', '#6a7285', '#e1e5ec', '#f7f8fa', '#ffffff'
GOOD, BAD = '#12805c', '#c92a3e'
PEOPLE = ('#c2570c', '#a8246f', '#7d6608', '#5d4037')
EPOCHS = ('#1f6fd0', '#0b8f86', '#6b4ed1', '#2b93c4')
NOBODY = '#a9b0bd'
STATES = {
    'quiet': '#eef0f4', 'speaking': '#f6c794', 'trailing': '#fbe6cd',
    'idle': '#eef0f4', 'deciding': '#cbe39a', 'preparing': '#d9cdf7', 'robot': '#b9d5f7',
}
# Lanes from the top of a row to its bottom: name -> (top, bottom) in units of a row.
LANES = {
    'moments': (10.0, 9.3), 'people': (9.2, 6.95), 'robot': (6.4, 4.2),
    'voice activity': (4.0, 3.2),
    'person is': (3.05, 2.7), 'robot is': (2.64, 2.29), 'meant for me?': (2.15, 1.35),
    'interrupts': (1.22, 0.52),
    'camera': (0.42, 0.16),
}


def draw(path: Path, recording: Recording, tracks: Tracks, metrics: dict) -> None:
    """Write the picture. Raises BackendError if matplotlib is missing."""
    pyplot = plotting.pyplot()
    picture = Picture(recording, tracks, metrics)
    rows = picture.rows()
    style = {'font.family': 'DejaVu Sans', 'font.size': 8.5, 'text.color': INK}
    with warnings.catch_warnings(), pyplot.rc_context(style):
        warnings.filterwarnings('ignore', 'Glyph .* missing')     # a box for a letter is bearable
        figure, axes = pyplot.subplots(len(rows), 1, squeeze=False, dpi=DPI,
                                       figsize=(WIDTH_IN, ROW_IN * len(rows) + 1.1))
        width = max(1.0, *(row.seconds for row in rows))
        for axis, row in zip(axes[:, 0], rows):
            picture.row(axis, row, width)
        _title(figure, metrics)
        height = figure.get_size_inches()[1]
        figure.subplots_adjust(left=0.072, right=0.992, top=1 - 0.95 / height,
                               bottom=0.32 / height, hspace=0.13)
        figure.savefig(path, facecolor=PAPER)
        pyplot.close(figure)


def headline(metrics: dict) -> str:
    """The outcome in plain words."""
    counts = metrics['counts']
    judged = counts['passed'] + counts['failed']
    seconds = f'{metrics["duration_s"]:.0f} seconds of conversation'
    if not judged:
        return f'{seconds}, none of it judged'
    if metrics['all_passed']:
        return f'{seconds}: all {judged} moments went as they should'
    if not counts['failed']:
        return f'{seconds}: every moment passed, but the robot misbehaved in between'
    return f'{seconds}: {counts["failed"]} of {judged} moments went wrong'


def _title(figure: object, metrics: dict) -> None:
    height = figure.get_size_inches()[1]
    figure.text(0.012, 1 - 0.34 / height, headline(metrics), fontsize=17, fontweight='bold',
                va='center')
    figures, stale = metrics['figures'], metrics['counts']['stale']
    parts = [
        ('first sound after', _seconds(figures['first_sound_p50_s'])),
        ('silent after', _milliseconds(figures['silence_p50_ms'])),
        ('lowered after', _milliseconds(figures['duck_p50_ms'])),
        ('stale sound', f'{stale}×' if stale else 'none'),
    ]
    words = 'medians:   ' + '      '.join(f'{name} {value}' for name, value in parts)
    figure.text(0.012, 1 - 0.66 / height, words, fontsize=10.5, color=MUTED, va='center')
    where = '   '.join(part for part in (f'scenario {metrics["scenario"]}', metrics['hardware'],
                                         f'omni_agent {metrics["version"]}') if part)
    figure.text(0.992, 1 - 0.34 / height, _literal(where), fontsize=9, color=MUTED, va='center',
                ha='right')
    figure.text(0.992, 1 - 0.66 / height, metrics['started'], fontsize=9, color=MUTED, va='center',
                ha='right')


def _literal(text: str) -> str:
    """A dollar sign would begin a formula."""
    return text.replace('$', '\\$')


def _seconds(value: float | None) -> str:
    return '–' if value is None else f'{value:.2f} s'


def _milliseconds(value: float | None) -> str:
    return '–' if value is None else f'{value:.0f} ms'


def peaks(samples: np.ndarray, rate: int) -> np.ndarray:
    """Loudest sample of every PEAK_S, in [0, 1], bent so that quiet speech stays visible."""
    size = int(rate * PEAK_S)
    frames = samples[:samples.size - samples.size % size].reshape(-1, size).astype(np.float32)
    top = np.max(np.abs(frames), axis=1) / 32768.0 if frames.size else np.zeros(0, np.float32)
    return np.minimum(1.0, top / max(0.05, float(top.max(initial=0.0)))) ** 0.7


class Picture:
    """Draws rows; all times are seconds since the first sample."""

    def __init__(self, recording: Recording, tracks: Tracks, metrics: dict) -> None:
        self.recording, self.metrics, self.t0 = recording, metrics, tracks.t0
        self.duration = tracks.robot.size / tracks.rate
        self.sound = RobotSound(tracks, recording.playback)
        self.person = peaks(tracks.person, tracks.rate)
        self.robot = peaks(tracks.robot, tracks.rate)
        names = list(dict.fromkeys(line.who for line in recording.lines))
        self.colour = {name: PEOPLE[at % len(PEOPLE)] for at, name in enumerate(names)}
        self.epoch_colour = {voice.epoch: EPOCHS[at % len(EPOCHS)]
                             for at, voice in enumerate(self.sound.voices)}

    def rows(self) -> list[Span]:
        """Cut the conversation into rows, where nobody speaks if possible."""
        count = min(MOST_ROWS, max(1, math.ceil(self.duration / (ROW_S * 1.1))))
        ideal = self.duration / count
        cuts = [0.0]
        for number in range(1, count):
            shifts = np.arange(-4.0, 4.05, 0.1)
            cost = [3.0 * self._busy(ideal * number + shift) + 0.2 * abs(shift)
                    for shift in shifts]
            cuts.append(float(ideal * number + shifts[int(np.argmin(cost))]))
        return [Span(start, stop) for start, stop in zip(cuts, [*cuts[1:], self.duration])]

    def _busy(self, t: float) -> int:
        lines = sum(line['start_s'] - 0.3 < t < (line['marks'].get('heard') or line['end_s']) + 0.3
                    for line in self.metrics['lines'])
        return lines + sum(voice.begin - 0.3 < t + self.t0 < voice.end + 0.3
                           for voice in self.sound.voices)

    def row(self, axis: Axes, row: Span, width: float) -> None:
        axis.set_xlim(row.start, row.start + width)
        axis.set_ylim(-0.25, 10.05)
        for side in ('top', 'left', 'right', 'bottom'):
            axis.spines[side].set_visible(False)
        axis.set_yticks([sum(lane) / 2 for lane in LANES.values()], list(LANES), color=MUTED,
                        fontsize=9)
        ticks = np.arange(math.ceil(row.start / 5) * 5, row.stop + 0.01, 5)
        axis.set_xticks(ticks, [f'{tick:.0f} s' for tick in ticks], color=MUTED, fontsize=9)
        axis.tick_params(length=0, pad=3)
        for tick in np.arange(math.ceil(row.start), row.stop + 0.01, 1):
            axis.plot([tick, tick], [0.1, 9.15], color=RULE, lw=1.0 if tick % 5 == 0 else 0.4,
                      zorder=0)
        for name in ('people', 'robot'):
            axis.fill_between([row.start, row.stop], LANES[name][1] - 0.05, LANES[name][0] + 0.02,
                              color=BED, lw=0,
                              zorder=-1)
        for draw_lane in (self._moments, self._people, self._robot, self._activity, self._states,
                          self._scores,
                          self._interrupts, self._camera, self._latencies):
            draw_lane(axis, row)

    def _columns(self, row: Span, start: float, stop: float) -> int:
        """Letters that fit between two times."""
        seconds = min(stop, row.stop) - max(start, row.start)
        inches = seconds * 0.92 * WIDTH_IN / max(1.0, row.seconds)
        return max(6, int(inches * LETTERS_PER_IN))

    def _moments(self, axis: Axes, row: Span) -> None:
        top, bottom = LANES['moments']
        free = row.start
        for line in self.metrics['lines']:
            if line['missed'] or not row.start <= line['start_s'] < row.stop:
                continue
            colour = {True: GOOD, False: BAD, None: MUTED}[line['passed']]
            sign = {True: '✓ ', False: '✗ ', None: ''}[line['passed']]
            level = top - 0.12 if line['start_s'] >= free else (top + bottom) / 2 - 0.06
            label = axis.text(line['start_s'], level, _literal(f'{sign}{line["name"]}'), va='top',
                              color=colour,
                              fontweight='bold', fontsize=9)
            if level > (top + bottom) / 2:
                free = line['start_s'] + 0.45 + len(label.get_text()) * 0.155 * row.seconds / 30
            axis.plot([line['start_s']] * 2, [0.1, bottom + 0.1], color=colour, lw=0.8,
                      ls=(0, (1, 2)), alpha=0.6, zorder=1)

    def _wave(self, axis: Axes, lane: tuple[float, float], wave: np.ndarray, row: Span, span: Span,
              colour: str,
              alpha: float = 1.0) -> None:
        first = int(max(row.start, span.start) / PEAK_S)
        last = int(min(row.stop, span.stop) / PEAK_S)
        if last <= first:
            return
        x = PEAK_S * np.arange(first, last) + PEAK_S / 2
        half = wave[first:last] * (lane[0] - lane[1]) / 2
        middle = (lane[0] + lane[1]) / 2
        axis.fill_between(x[:half.size], middle - half, middle + half, color=colour, alpha=alpha,
                          lw=0, zorder=3)

    def _people(self, axis: Axes, row: Span) -> None:
        top, bottom = LANES['people']
        lane = (bottom + 1.05, bottom)
        self._wave(axis, lane, self.person, row, row, NOBODY, 0.6)
        for line in self.metrics['lines']:
            if line['missed']:
                continue
            colour = self.colour[line['who']]
            self._wave(axis, lane, self.person, row, Span(line['start_s'], line['end_s']), colour)
            if row.start <= line['start_s'] < row.stop:
                words = textwrap.wrap(_literal(line['text']),
                                      self._columns(row, line['start_s'], line['end_s'] + 0.6))[:3]
                axis.text(line['start_s'] + 0.04, bottom + 1.0, '\n'.join(words), va='bottom',
                          color=INK,
                          linespacing=1.15, fontsize=WORDS_PT, zorder=4)
                axis.text(line['start_s'] + 0.04, bottom + 1.06 + 0.28 * len(words),
                          _literal(line['who']), va='bottom',
                          color=colour, fontweight='bold', fontsize=9, zorder=4)

    def _robot(self, axis: Axes, row: Span) -> None:
        top, bottom = LANES['robot']
        lane = (top - 0.05, top - 1.15)
        self._wave(axis, lane, self.robot, row, row, NOBODY, 0.7)   # grey: no epoch owns up to it
        for voice in self.sound.voices:
            colour = self.epoch_colour[voice.epoch]
            span = Span(voice.begin - self.t0, voice.end - self.t0 + FADE_S)
            self._wave(axis, lane, self.robot, row, span, colour)
            start = max(row.start, voice.begin - self.t0)
            stop = min(row.stop, voice.end - self.t0)
            if stop <= start:
                continue
            cut = ' —' if voice.state == 'flushed' and stop < row.stop else ''
            words = _literal(self._heard(voice.epoch, row) + cut)
            lines = textwrap.wrap(words, self._columns(row, start, max(stop, start + 2.5)))[:3]
            axis.text(start + 0.04, top - 1.2, '\n'.join(lines), va='top', color=colour,
                      linespacing=1.15,
                      fontsize=WORDS_PT, zorder=4)
        for span in lowered_spans(self.recording.interrupts, self.t0 + self.duration):
            self._shade(axis, row, span, '#f2b705', lane)
        for stale in self.metrics['stale']:
            start = self.t0 + stale['t']
            self._shade(axis, row, Span(start, start + stale['seconds']), BAD, lane)

    def _shade(self, axis: Axes, row: Span, span: Span, colour: str,
               lane: tuple[float, float]) -> None:
        start, stop = max(row.start, span.start - self.t0), min(row.stop, span.stop - self.t0)
        if stop > start:
            axis.fill_between([start, stop], lane[1], lane[0], color=colour, alpha=0.3, lw=0,
                              zorder=2)

    def _heard(self, epoch: int, row: Span) -> str:
        """The words of an epoch that began inside a row."""
        texts = [(record.t - self.t0, record.heard) for record in self.recording.playback
                 if record.epoch == epoch]
        before = max((text for t, text in texts if t < row.start), key=len, default='')
        until = max((text for t, text in texts if t < row.stop), key=len, default='')
        return until[len(before):].strip() if until.startswith(before) else until

    def _activity(self, axis: Axes, row: Span) -> None:
        top, bottom = LANES['voice activity']
        frames = [frame for frame in self.recording.voice
                  if row.start <= frame.t - self.t0 < row.stop]
        if not frames:
            return
        x = np.array([frame.t - self.t0 for frame in frames])
        speech = np.array([frame.probability for frame in frames])
        echo = np.array([frame.echo_likelihood for frame in frames])
        axis.fill_between(x, bottom, bottom + speech * (top - bottom), color='#e08a3c', alpha=0.55,
                          lw=0, zorder=2)
        axis.plot(x, bottom + echo * (top - bottom), color='#1f6fd0', lw=0.9, zorder=3)
        axis.plot([row.start, row.stop], [bottom, bottom], color=RULE, lw=1)
        if row.start == 0:
            axis.text(row.start + 0.05, top, 'somebody speaks', va='top', color='#b4691f',
                      fontsize=7.5)
            axis.text(row.start + 0.05, top - 0.32, 'own echo', va='top', color='#1f6fd0',
                      fontsize=7.5)

    def _states(self, axis: Axes, row: Span) -> None:
        for lane, which in (('person is', 'person'), ('robot is', 'agent')):
            for span, value in self._blocks(which, row):
                colour = STATES['robot' if (which, value) == ('agent', 'speaking') else value]
                axis.fill_between([span.start, span.stop], LANES[lane][1], LANES[lane][0],
                                  color=colour, lw=0, zorder=2)
                room = span.seconds / row.seconds * 30 > 0.14 * len(value) + 0.1
                if room and value not in ('quiet', 'idle'):
                    axis.text(span.start + 0.08, sum(LANES[lane]) / 2, value, va='center',
                              fontsize=7.5, zorder=4)

    def _blocks(self, which: str, row: Span) -> list[tuple[Span, str]]:
        times = [state.t - self.t0 for state in self.recording.states] + [self.duration]
        blocks: list[tuple[Span, str]] = []
        for state, start, stop in zip(self.recording.states, times, times[1:]):
            start, stop = max(start, row.start), min(stop, row.stop)
            value = getattr(state, which)
            if stop <= start:
                continue
            if blocks and blocks[-1][1] == value:
                start = blocks.pop()[0].start
            blocks.append((Span(start, stop), value))
        return blocks

    def _scores(self, axis: Axes, row: Span) -> None:
        top, bottom = LANES['meant for me?']
        axis.plot([row.start, row.stop], [bottom, bottom], color=RULE, lw=1)
        for t, score in scores(self.recording):
            x = t - self.t0
            if not row.start <= x < row.stop:
                continue
            y = bottom + score * (top - bottom - 0.15)
            colour = GOOD if score >= 0.5 else MUTED
            axis.plot([x, x], [bottom, y], color=colour, lw=2, solid_capstyle='butt', zorder=3)
            axis.plot([x], [y], 'o', color=colour, ms=4.5, zorder=4)
            word = 'yes' if score >= 0.5 else 'no'
            axis.text(x + 0.12, max(y, bottom + 0.25), f'{score:.2f} {word}', va='center',
                      color=colour, fontsize=8)

    def _interrupts(self, axis: Axes, row: Span) -> None:
        top, bottom = LANES['interrupts']
        free = [row.start - 1] * 3           # three lines of labels: neighbours stay readable
        for interrupt in self.recording.interrupts:
            x = interrupt.t - self.t0
            if interrupt.reason == 'started' or not row.start <= x < row.stop:
                continue
            colour = interrupt_colour(interrupt.reason)
            level = next((at for at in range(3) if x > free[at]), 2)
            label = LABELS[interrupt.reason]
            free[level] = x + (0.25 + 0.15 * len(label)) * row.seconds / 30
            height = top - level * (top - bottom) / 3
            axis.plot([x, x], [bottom, height], color=colour, lw=1.6, zorder=3)
            axis.text(x + 0.08, height + 0.02, label, va='top', color=colour, fontsize=8)

    def _camera(self, axis: Axes, row: Span) -> None:
        top, bottom = LANES['camera']
        x = [image.received - self.t0 for image in self.recording.images
             if row.start <= image.received - self.t0 < row.stop]
        axis.vlines(x, bottom, top, color='#7f8aa3', lw=0.5, zorder=2)
        shown, free = '', row.start          # a detector that wavers would write over itself
        for percept in self.recording.percepts:
            at = percept.t - self.t0
            if percept.kind != 'scene' or not free <= at < row.stop or percept.text == shown:
                continue
            axis.text(at + 0.08, bottom - 0.05, _literal(percept.text), va='top', color=MUTED,
                      fontsize=7.5)
            shown, free = percept.text, at + (0.6 + 0.13 * len(percept.text)) * row.seconds / 30

    def _latencies(self, axis: Axes, row: Span) -> None:
        y = LANES['people'][1] - 0.24
        for line in self.metrics['lines']:
            heard = line['marks'].get('heard')
            ends_here = row.start <= line['end_s'] < row.stop
            if ends_here and heard is not None and heard > line['end_s']:
                self._bracket(axis, line['end_s'], heard, y, f'{line["first_sound_s"]:.2f} s', INK)
            if line['silence_ms'] is not None and row.start <= line['start_s'] < row.stop:
                label = f'silent {line["silence_ms"]:.0f} ms'
                self._bracket(axis, line['start_s'], line['start_s'] + line['silence_ms'] / 1000,
                              y, label, BAD)
            elif line['lowered_ms'] and row.start <= line['start_s'] < row.stop:
                label = f'lowered {line["lowered_ms"]:.0f} ms'
                stop = line['start_s'] + ((line['duck_ms'] or 0) + line['lowered_ms']) / 1000
                self._bracket(axis, line['start_s'] + (line['duck_ms'] or 0) / 1000, stop, y,
                              label, '#8f6b00')

    def _bracket(self, axis: Axes, start: float, stop: float, y: float, label: str,
                 colour: str) -> None:
        axis.plot([start, start, stop, stop], [y + 0.14, y, y, y - 0.14], color=colour, lw=1.5,
                  zorder=5)
        axis.text(stop + 0.1, y, label, va='center', color=colour, fontweight='bold', fontsize=9,
                  zorder=6)


LABELS = {
    'started': 'start', 'new_reply': 'new reply', 'barge_in': 'barge-in', 'stop_phrase': 'stop!',
    'hush': 'hush',
    'superseded': 'superseded', 'lost': 'lost', 'first_sound': 'lower', 'no_interrupt': 'back up',
}


def interrupt_colour(reason: str) -> str:
    if reason in ('first_sound', 'no_interrupt'):
        return '#a87f00'
    return MUTED if reason == 'new_reply' else BAD


def scores(recording: Recording) -> Sequence[tuple[float, float]]:
    """(time, addressee score) wherever a new judgement was made."""
    found: list[tuple[float, float]] = []
    last: tuple[int, float] | None = None
    for state in recording.states:
        if state.addressee_score != state.addressee_score:
            continue
        key = (state.utterance, round(state.addressee_score, 2))
        if key != last:
            found.append((state.t, state.addressee_score))
        last = key
    return found
