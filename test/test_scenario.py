"""Scenarios: what a file may say, how a mistake is told, and when a scripted person speaks."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_agent.backends import scenarios
from omni_agent.core.errors import ConfigError
from omni_agent.core.scenario import Expect, Scenario
from omni_agent.core.script import Missed, Over, Said, Script, ScriptEvent

PERIOD = 0.02
SMALL = """\
version: 1
name: small
people:
  anna: {voice: 'flite:slt'}
  ben: {level_dbfs: -30, distance_m: 2}
room:
  echo_db: -18
lines:
  - name: question
    who: anna
    text: What time is it?
    after_s: 1
    expect: answered
  - name: nod
    who: ben
    text: Mm-hm.
    robot_speaking_s: 2
    within_s: 8
    expect: survives
"""


def load(text: str) -> Scenario:
    return scenarios.loads(text, Path('mine.yaml'))


def test_a_scenario_is_read_with_its_defaults() -> None:
    small = load(SMALL)
    assert small.lines[0].expect is Expect.ANSWERED
    assert small.lines[1].robot_speaking_s == 2 and small.lines[1].after_s == 0
    assert small.people['ben'].level_dbfs == -30 and small.people['anna'].level_dbfs == -24
    assert small.room.delay_ms == 40 and small.room.noise_dbfs == -60


def test_the_conversation_that_comes_with_the_package_is_valid() -> None:
    conversation = scenarios.load('conversation')
    assert [line.expect.value for line in conversation.lines] == [
        'answered', *['ignored'] * 5, 'answered', 'interrupts', 'answered', 'survives', 'answered',
        'survives', 'silences', 'told', 'answered']
    assert [(clip.video, clip.after) for clip in conversation.clips] == [
        ('demo_video/carphone_pristine.mp4', ''), ('demo_video/bikes.mp4', 'watch')]


@pytest.mark.parametrize(
    'old, new, message',
    [
        (
            'expect: answered',
            'expect: answerd',
            "mine.yaml:13: line 1, 'expect': 'answerd' is not one of answered, ignored, "
            "interrupts, survives, silences, told, moves, halts, none: did you mean 'answered'?",
        ),
        (
            'after_s: 1',
            'after: 1',
            "mine.yaml:12: line 1, 'after': is not a field here: did you mean 'after_s'?",
        ),
        (
            'who: ben',
            'who: bne',
            "mine.yaml:15: line 2, 'who': 'bne' is not one of anna, ben: did you mean 'ben'?",
        ),
        (
            'echo_db: -18',
            'echo_db: loud',
            "mine.yaml:7: room, 'echo_db': must be a number from -120 to 20, not the text 'loud'",
        ),
        (
            'echo_db: -18',
            'echo_db: 99',
            "mine.yaml:7: room, 'echo_db': must be a number from -120 to 20, not 99",
        ),
        (
            'after_s: 1',
            'after_s: .nan',
            "line 1, 'after_s': must be a number from 0 to 600, not the number nan",
        ),
        (
            'text: Mm-hm.',
            'text: yes',
            "mine.yaml:16: line 2, 'text': must be text, not true: put it in quotes",
        ),
        ('text: Mm-hm.', 'text: ""', "line 2, 'text': must be text, not an empty text"),
        ('    text: Mm-hm.\n', '', "mine.yaml:14: line 2: 'text' is missing"),
        (
            '    text: Mm-hm.\n',
            '    txt: Mm-hm.\n',
            "line 2: 'text' is missing: is 'txt' meant to be it?",
        ),
        ('version: 1', 'version: 2', 'mine.yaml:1: version: must be 1, not 2'),
        (
            "'flite:slt'",
            'slt',
            "mine.yaml:4: person 'anna', 'voice': 'slt' is not like 'flite:slt'",
        ),
        ("'flite:slt'", "'flite:slt;ls'", "person 'anna', 'voice': 'flite:slt;ls' is not like"),
        ('name: nod', 'name: question', "line 2, 'name': 'question' is the name of line 1 too"),
        (
            'within_s: 8',
            'robot_silent_s: 1',
            "keep 'robot_silent_s' or 'robot_speaking_s', not both",
        ),
        ('within_s: 8', 'within_s: 1', "line 2: 'within_s' is 1, which is over before"),
        (
            'room:\n  echo_db: -18',
            'room: [1]',
            'mine.yaml:6: room: must be a table of "key: value" lines, not a list',
        ),
        (
            '  echo_db: -18',
            '  echo_db: -18\n  echo_db: -20',
            "mine.yaml:8: 'echo_db' is already given on line 7",
        ),
        ('people:', 'people: [', 'mine.yaml:5: this is not YAML'),
        ('    who: ben', '\twho: ben', 'this is not YAML'),
    ],
)
def test_a_mistake_is_told_with_its_line_its_field_and_what_may_stand_there(
    old: str, new: str, message: str
) -> None:
    assert old in SMALL
    with pytest.raises(ConfigError) as error:
        load(SMALL.replace(old, new, 1))
    assert message in str(error.value)


@pytest.mark.parametrize(
    'text', ['', 'hello', '- 1', '7', 'null', SMALL.split('lines:')[0] + 'lines: []']
)
def test_what_is_no_scenario_at_all_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError, match='mine.yaml:'):
        load(text)


def test_a_scenario_that_does_not_exist_is_told_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="there is no scenario 'nope': .* conversation"):
        scenarios.load('nope')
    with pytest.raises(ConfigError, match='there is no scenario file nope.yaml'):
        scenarios.load('nope.yaml')


def test_a_file_that_a_scenario_names_and_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="mine.yaml names 'assets/x/y.flac', but there is no file"
    ):
        scenarios.file_of('assets/x/y.flac', tmp_path / 'mine.yaml')


def play(
    text: str, robot: list[tuple[float, float]], until: float = 60.0, duration: float = 0.5
) -> list[tuple[float, ScriptEvent]]:
    """What happens when, with a robot that is heard from a to b for each (a, b)."""
    scenario = load(text)
    script = Script(scenario, [duration] * len(scenario.lines), 0.0)
    events = []
    for i in range(int(until / PERIOD)):
        now = i * PERIOD
        events += [
            (round(now, 2), e) for e in script.step(now, any(a <= now < b for a, b in robot))
        ]
    return events


def at(events: list[tuple[float, ScriptEvent]], event: ScriptEvent) -> float:
    return next(t for t, e in events if e == event)


def test_a_line_with_a_pause_is_said_after_it() -> None:
    assert at(play(SMALL, []), Said(0)) == pytest.approx(1.0, abs=PERIOD)


def test_a_line_for_a_speaking_robot_waits_until_it_has_spoken_that_long() -> None:
    assert at(play(SMALL, [(3, 9)]), Said(1)) == pytest.approx(5.0, abs=2 * PERIOD)


def test_a_breath_does_not_end_the_robots_speech_but_a_pause_does() -> None:
    assert at(play(SMALL, [(3, 4), (4.4, 9)]), Said(1)) == pytest.approx(5.0, abs=2 * PERIOD)
    assert at(play(SMALL, [(3, 4), (4.9, 9)]), Said(1)) == pytest.approx(6.9, abs=2 * PERIOD)


def test_a_line_whose_time_does_not_come_is_missed_and_the_scenario_goes_on() -> None:
    events = play(SMALL, [(3, 4)])
    assert at(events, Missed(1)) == pytest.approx(1.5 + 8, abs=2 * PERIOD)
    assert events[-1][1] == Over('script')
    assert not any(e == Said(1) for _, e in events)


SILENT = SMALL.replace('robot_speaking_s: 2', 'robot_silent_s: 1.5')


def test_a_robot_that_thinks_about_its_reply_is_not_one_that_has_fallen_silent() -> None:
    assert at(play(SILENT, [(4, 6)]), Said(1)) == pytest.approx(7.5, abs=2 * PERIOD)


def test_the_tail_of_an_old_answer_is_not_a_reply() -> None:
    assert at(play(SILENT, [(0, 1.6), (4, 6)]), Said(1)) == pytest.approx(7.5, abs=2 * PERIOD)


def test_silence_is_enough_after_a_line_that_wants_no_reply() -> None:
    quiet = SILENT.replace('expect: answered', 'expect: ignored')
    assert at(play(quiet, []), Said(1)) == pytest.approx(3.0, abs=2 * PERIOD)
    assert at(play(quiet, [(0, 2.5)]), Said(1)) == pytest.approx(4.0, abs=2 * PERIOD)


def test_a_pause_can_be_asked_for_on_top_of_a_trigger() -> None:
    text = SMALL.replace('robot_speaking_s: 2', 'robot_speaking_s: 2\n    after_s: 5')
    assert at(play(text, [(2, 20)]), Said(1)) == pytest.approx(6.5, abs=2 * PERIOD)


def test_it_is_over_after_the_tail_or_once_the_last_reply_has_been_heard_or_when_time_is_up() -> (
    None
):
    done = SMALL[: SMALL.index('  - name: nod')]
    assert at(play(done, [(3, 6)]), Over('script')) == pytest.approx(9.0, abs=3 * PERIOD)
    ignored = done.replace('answered', 'ignored')
    assert at(play(ignored, [(2, 60)]), Over('script')) == pytest.approx(4.5, abs=3 * PERIOD)
    short = done.replace('name: small', 'name: small\nduration_s: 4')
    assert play(short, [(3, 60)])[-1] == (pytest.approx(4.0, abs=2 * PERIOD), Over('duration'))


def test_a_script_that_is_continued_begins_with_the_given_line() -> None:
    scenario = load(SMALL.replace('robot_speaking_s: 2', 'after_s: 0'))
    assert Script(scenario, [0.5, 0.5], 10.0, first=1).step(10.0, False) == [Said(1)]


def test_a_clip_may_follow_a_line_that_is_there() -> None:
    camera = 'camera: {video: a.mp4, clips: [{video: b.mp4, after: %s}]}\npeople:'
    name = load(SMALL).lines[0].name
    clip = load(SMALL.replace('people:', camera % name, 1)).clips[1]
    assert (clip.video, clip.after, clip.at_s) == ('b.mp4', name, 0.0)
    with pytest.raises(ConfigError, match="'after' names the line 'nobody', which is not there"):
        load(SMALL.replace('people:', camera % 'nobody', 1))
