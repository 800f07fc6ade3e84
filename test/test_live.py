"""The live view, fed with the records of a made-up conversation."""

from __future__ import annotations

import io
import json

import pytest
from synthetic_recording import T0, conversation

from omni_agent.cli.live import LiveView


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def fed(until_s: float = 1e9, stream: io.StringIO | None = None) -> LiveView:
    view = LiveView('a conversation', total=10, stream=stream or io.StringIO())
    for text in conversation()[0]:
        record = json.loads(text)
        if record['t'] - T0 < until_s:
            view.feed(record)
    return view


def shown(view: LiveView, width: int = 110) -> str:
    console = pytest.importorskip('rich.console').Console(width=width, file=io.StringIO())
    console.print(view.render())
    return console.file.getvalue()


def test_the_panel_shows_both_sides_the_score_and_the_progress():
    text = shown(fed(until_s=34.5))
    assert 'No wait, tell me how far' in text
    assert 'line 5 of 10: a new question cuts in' in text
    assert 'first sound 1.02 s' in text
    assert '0.95 yes' in text
    assert 'question +1.9' in text
    assert '0:34' in text


def test_an_empty_panel_can_be_shown():
    assert 'a conversation' in shown(LiveView('a conversation'))


def test_a_narrow_terminal_is_not_overrun():
    assert max(len(line) for line in shown(fed(until_s=34.5), width=60).splitlines()) <= 60


def test_without_a_terminal_there_is_one_plain_line_for_each_notable_event():
    out = io.StringIO()
    fed(stream=out)
    lines = out.getvalue().splitlines()
    assert 40 < len(lines) < 70
    assert '   2.00 s  Anna     Hi there, what are you able to do?   [a first question]' in lines
    assert any('stop: the answer is void (ordered 480 ms after the sound)' in line
               for line in lines)
    assert '\x1b' not in out.getvalue()


def test_on_a_terminal_nothing_is_printed_besides_the_panel():
    out = Terminal()
    fed(stream=out)
    assert out.getvalue() == ''


def test_records_that_cannot_be_read_are_counted():
    view = LiveView('a conversation', stream=io.StringIO())
    for record in ({'topic': 'percept'}, {'no': 'topic'}, {'topic': 'unknown'}):
        view.feed(record)
    assert view.malformed == 2


def test_a_node_in_trouble_is_shown():
    view = LiveView('a conversation', stream=io.StringIO())
    view.feed({'topic': 'diagnostics', 't': T0, 'node': 'camera', 'level': 2,
               'message': 'no picture for 5 s'})
    assert 'no picture for 5 s' in shown(view)
    assert 'ERROR' in view.log[-1]
