"""The allow-list: how skills are written down, and that nothing gets past the check that they do
not allow.
"""

from __future__ import annotations

import json
import math
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.backends import skills as files
from omni_agent.core.errors import ConfigError
from omni_agent.core.skill_check import check
from omni_agent.core.skill_prompt import json_schema
from omni_agent.core.skills import Call, Refused, Skills

DEFAULT = files.load()
SIMULATED = files.load('simulated')
BULB = '''
version: 1
skills:
  dim:
    sentence: dim the lights
    arguments:
      level: {kind: number, unit: '%', low: 10, high: 90, clamp: true}
      room: {kind: choice, choices: {hall: {id: 7}, attic: {id: 9, also: loft}}}
      note: {kind: text, high: 10, optional: true}
      slowly: {kind: flag, default: false}
    phrases: ['dim [the lights in] the {room} to {level}']
    says: I dim the {room}
    target:
      service: lights/dim
      type: example_interfaces/srv/AddTwoInts
      fields: {a: '{level}', b: '{room.id}'}
'''


def written(tmp_path: Path, text: str) -> str:
    path = tmp_path / 'own.yaml'
    path.write_text(textwrap.dedent(text), encoding='utf-8')
    return str(path)


def call(skills: Skills, name: str, **arguments: object) -> Call:
    found = check(skills, name, json.dumps(arguments))
    assert isinstance(found, Call), found
    return found


def why(skills: Skills, name: str, text: str) -> str:
    found = check(skills, name, text)
    assert isinstance(found, Refused), found
    assert found.why.endswith('.') and found.why[0].isupper()
    return found.why


# -- what is shipped ------------------------------------------------------------------------------


def test_the_shipped_skills_are_these() -> None:
    assert ([skill.name for skill in DEFAULT] == [
        'stop', 'drive', 'turn', 'go_to', 'look_at', 'set_volume', 'remember', 'forget',
        'what_do_you_see', 'call'
    ])


def test_a_robot_whose_places_nobody_named_goes_nowhere_and_calls_nothing() -> None:
    """Coordinates of somebody else's kitchen would be worse than none."""
    assert not {'go_to', 'call'} & {skill.name for skill in DEFAULT.usable}
    assert 'go_to' in {skill.name for skill in SIMULATED.usable}
    assert 'things that I can do' in why(DEFAULT, 'go_to', '{"place": "kitchen"}')


def test_what_moves_is_marked_and_what_deletes_is_asked_about() -> None:
    assert {skill.name for skill in DEFAULT if skill.motion} == {'drive', 'turn', 'go_to'}
    assert {skill.name for skill in DEFAULT if skill.confirm} == {'forget'}


def test_a_goal_is_the_place_in_the_map_with_its_heading() -> None:
    goal = call(SIMULATED, 'go_to', place='window')
    fields = goal.fields()
    assert goal.target_name() == 'navigate_to_pose' and fields['pose.header.frame_id'] == 'map'
    assert (fields['pose.pose.position.x'], fields['pose.pose.position.y']) == (2.0, 2.5)
    assert fields['pose.pose.orientation.z'] == pytest.approx(math.sin(math.pi / 4))
    assert fields['pose.pose.orientation.w'] == pytest.approx(math.cos(math.pi / 4))


@pytest.mark.parametrize('arguments, speed, metres', [({
    'distance': 1.0
}, 0.2, 1.0), ({
    'distance': 0.05,
    'speed': 0.4
}, 0.4, 0.05), ({}, 0.2, 0.5), ({
    'direction': 'backward',
    'distance': 2,
    'speed': 0.4
}, -0.4, 2.0)])
def test_a_drive_covers_its_distance_within_its_acceleration(arguments: dict, speed: float,
                                                             metres: float) -> None:
    course = call(DEFAULT, 'drive', **arguments).course()
    assert course and course.speed == pytest.approx(speed)
    step = 0.001
    velocities = [course.velocity(at * step) for at in range(-5, int(course.total_s / step) + 6)]
    assert sum(map(abs, velocities)) * step == pytest.approx(metres, rel=0.01)
    assert (velocities[0] == velocities[-1] == 0.0
            and max(map(abs, velocities)) <= abs(speed) + 1e-9)
    jumps = [abs(b - a) for a, b in zip(velocities, velocities[1:])]
    assert max(jumps) <= course.acceleration * step + 1e-9


def test_a_turn_is_told_in_degrees_and_done_in_radians() -> None:
    course = call(DEFAULT, 'turn', direction='right', angle=180, speed=90).course()
    assert course and course.field == 'angular.z' and course.speed == pytest.approx(-math.pi / 2)
    assert course.total_s == pytest.approx(2.0 + (math.pi / 2) / 1.5, rel=1e-3)


def test_what_it_says_has_the_numbers_in_it() -> None:
    drive = call(DEFAULT, 'drive', direction='backward', distance=1)
    assert ' '.join(drive.says().split()) == 'I drive backward 1 metre'
    assert drive.failed('the way is blocked') == 'I could not drive backward: the way is blocked'
    assert call(DEFAULT, 'turn', angle=0.5 + 0.5).says().endswith('1 degree')


# -- the one door ---------------------------------------------------------------------------------


@pytest.mark.parametrize('name, text, part',
                         [('fly', '{}', 'things that I can do'), ('', '{}', 'things'),
                          ('Drive', '{}', 'things'), ('drive ', '{}', 'things'),
                          ('dr\u0456ve', '{}', 'things'), ('drive', '[]', 'understand'),
                          ('drive', '{', 'understand'), ('drive', '"forward"', 'understand'),
                          ('drive', 'null', 'understand'),
                          ('drive', '{"distance": NaN}', 'understand'),
                          ('drive', '{"distance": Infinity}', 'understand'),
                          ('drive', '{"distance": 1e999}', 'distance'),
                          ('drive', '{"distance": 1' + '0' * 500 + '}', 'distance'),
                          ('drive', '{"distance": "1"}', 'distance'),
                          ('drive', '{"distance": true}', 'distance'),
                          ('drive', '{"distance": null}', 'distance'),
                          ('drive', '{"distance": [1]}', 'distance'),
                          ('drive', '{"distance": 3.1}', '3 metres is the most'),
                          ('drive', '{"distance": -1}', '0.05 metres is the least'),
                          ('drive', '{"direction": "left"}', 'left'),
                          ('drive', '{"direction": 1}', 'direction'),
                          ('drive', '{"topic": "/cmd_vel_unsafe"}', 'topic'),
                          ('drive', '{"distance": 1, "distance": 2}', 'understand'),
                          ('drive', '{"distance": 1, "duration": 2}', 'either'),
                          ('drive', '{"distance": 3, "speed": 0.05}', 'seconds'),
                          ('go_to', '{}', 'need to know the place'),
                          ('go_to', '{"place": "kitchen; rm -rf /"}', 'kitchen'),
                          ('remember', '{"fact": ""}', 'short'),
                          ('remember', '{"fact": "' + 'x' * 201 + '"}', 'long'),
                          ('remember', '{"fact": "a\\u0000b"}', 'long'),
                          ('remember', '{"fact": "\\ud800"}', 'long'),
                          ('remember', '{"fact": "\\u202etxet"}', 'long'),
                          ('drive', '{"a": ' + '[' * 1500 + ']' * 1500 + '}', ''),
                          ('drive', ' ' * 5000, 'too long')])
def test_what_the_list_does_not_allow_is_refused_with_a_sentence(name: str, text: str,
                                                                 part: str) -> None:
    assert part in why(SIMULATED, name, text)


def test_a_refusal_does_not_read_out_what_a_stranger_wrote() -> None:
    said = why(SIMULATED, 'go_to', json.dumps({'place': 'x' * 300 + '<script>{why}'}))
    assert len(said) < 120 and '<' not in said and '{' not in said


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner,
                                                                max_size=3), max_leaves=6)
NAMES = [argument.name for skill in SIMULATED for argument in skill.arguments]


@settings(deadline=None)
@given(st.sampled_from([skill.name for skill in SIMULATED]) | st.text(max_size=8),
       st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), JSON, max_size=4))
def test_whatever_comes_in_what_goes_out_is_within_every_limit(name: str, given_: dict) -> None:
    found = check(SIMULATED, name, json.dumps(given_))
    if isinstance(found, Refused):
        assert found.why
        return
    assert found.skill is SIMULATED.get(name)
    for key, value in found.arguments.items():
        argument = found.skill.argument(key)
        if isinstance(value, float):
            assert argument.low <= value <= argument.high
    assert check(SIMULATED, name, found.json()) == found
    course = found.course()
    assert course is None or course.total_s <= found.skill.target.ramp.longest_s


def test_only_what_is_marked_so_is_brought_into_its_bounds(tmp_path: Path) -> None:
    skills = files.load(written(tmp_path, BULB))
    assert call(skills, 'dim', level=300, room='attic').arguments['level'] == 90.0
    assert isinstance(check(skills, 'turn', '{"angle": 361}'), Refused)


def test_every_skill_has_its_part_of_the_schema() -> None:
    schema = json_schema(SIMULATED)
    drive = next(part for part in schema['anyOf']
                 if part['properties']['skill'] == {'const': 'drive'})
    assert drive['additionalProperties'] is False and drive['required'] == ['skill']
    assert (drive['properties']['distance'] == {
        'description': 'how far [m]',
        'type': 'number',
        'minimum': 0.05,
        'maximum': 3
    })
    json.dumps(schema)


# -- one's own ------------------------------------------------------------------------------------


def test_a_file_of_ones_own_adds_a_skill(tmp_path: Path) -> None:
    skills = files.load(written(tmp_path, BULB))
    assert call(skills, 'dim', level=50, room='attic').fields() == {'a': 50.0, 'b': 9}
    assert skills.get('drive') is not None


def test_a_file_of_ones_own_changes_one_number_and_takes_a_skill_away(tmp_path: Path) -> None:
    path = written(tmp_path, '''
        version: 1
        skills:
          drive: {arguments: {distance: {high: 1}}, target: {topic: base/cmd_vel}}
          forget: false
        ''')
    skills = files.load(f'simulated, {path}')
    assert skills.get('forget') is None
    assert call(skills, 'drive', distance=1).target_name() == 'base/cmd_vel'
    assert isinstance(check(skills, 'drive', '{"distance": 1.5}'), Refused)
    assert call(skills, 'go_to', place='door')


def test_a_base_that_wants_stamped_velocities_is_one_word_away() -> None:
    skills = files.load('stamped, simulated')
    assert ({skill.target.type
             for skill in skills if skill.target.ramp} == {'geometry_msgs/msg/TwistStamped'})
    course = call(skills, 'turn').course()
    assert course and course.field == 'twist.angular.z' and call(skills, 'go_to', place='door')


def test_services_that_may_be_called_are_listed_by_name(tmp_path: Path) -> None:
    skills = files.load(written(tmp_path, '''
        version: 1
        skills: {call: {arguments: {procedure: {choices: {dock: {service: base/dock}}}}}}
        '''))
    assert call(skills, 'call', procedure='dock').target_name() == 'base/dock'
    assert isinstance(check(skills, 'call', '{"procedure": "base/dock"}'), Refused)
    assert isinstance(check(skills, 'call', '{"procedure": "shutdown"}'), Refused)


@pytest.mark.parametrize(
    'old, new, problem',
    [('low: 10, ', '', "own.yaml:7:.*'low' is missing"),
     ('kind: flag', 'kind: flagg', "own.yaml:10:.*did you mean 'flag'"),
     ("b: '{room.id}'", "b: '{room.di}'", "'hall' has no 'di'"),
     ("a: '{level}'", "a: '{levle}'", "no argument 'levle'"),
     ('to {level}', '', "does not say what 'level' is"), ('the {room}', 'the {room', 'lacks|has'),
     ('lights/dim', "'{note}'", 'anything could be reached'),
     ('example_interfaces/srv/AddTwoInts', 'AddTwoInts', "not like 'package/srv/Name'"),
     ('I dim the {room}', 'I dim {rom}', 'is no argument'),
     ('I dim the {room}', "'I dim {room.__class__}'", 'is no argument'),
     ('sentence: dim', 'sentense: dim', "'sentence' is missing.*'sentense'"),
     ('default: false', 'default: 3', 'would refuse'), ('version: 1', 'version: 2', 'must be 1')])
def test_a_mistake_in_a_file_is_told_with_its_line(tmp_path: Path, old: str, new: str,
                                                   problem: str) -> None:
    assert old in BULB
    path = written(tmp_path, BULB.replace(old, new))
    with pytest.raises(ConfigError, match=problem):
        files.load(path)


@pytest.mark.parametrize('change, problem', [('{motion: false}', 'motion: true'),
                                             ('{target: {rate_hz: 0}}', 'rate_hz'),
                                             ('{arguments: {speed: {low: 0}}}', 'above 0'),
                                             ('{target: {ramp: {otherwise: 0}}}', 'ends nowhere')])
def test_a_velocity_without_a_stop_or_an_end_is_no_skill(tmp_path: Path, change: str,
                                                         problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        files.load(written(tmp_path, f'{{version: 1, skills: {{drive: {change}}}}}'))


def test_skills_come_from_a_python_module_too(tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / 'my_own_skills.py').write_text(textwrap.dedent('''
        from omni_agent.core.skills import Phrase, Skill, Source, Target, TargetKind
        TARGET = Target(TargetKind.TOPIC, Source('horn'), 'std_msgs/msg/Empty')
        SKILLS = [Skill('honk', 'honk the horn', TARGET, phrases=(Phrase('honk [the horn]'),))]
        '''))
    (tmp_path / 'my_bad_skills.py').write_text(textwrap.dedent('''
        from omni_agent.core.skills import Skill, Source, Target, TargetKind
        SKILLS = [Skill('honk', 'honk', Target(TargetKind.TOPIC, Source('horn'), 'Empty'))]
        '''))
    monkeypatch.syspath_prepend(tmp_path)
    assert call(files.load('my_own_skills'), 'honk').target_name() == 'horn'
    with pytest.raises(ConfigError, match='honk.*package/msg/Name'):
        files.load('my_bad_skills')
    for name in ('my_own_skills', 'my_bad_skills'):
        sys.modules.pop(name, None)
    with pytest.raises(ConfigError, match='shipped are default, simulated, stamped'):
        files.load('nobody_has_this')
