"""A trace holds everything: what is read from it goes on exactly as what was written would
have.
"""

from __future__ import annotations

import json
import math
from typing import get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_turn_properties import EPOCH, PARAMS, Play, scripts

from omni_agent.backends import languages
from omni_agent.core import trace
from omni_agent.core.addressee import AddresseeParams
from omni_agent.core.errors import WireError
from omni_agent.core.events import (Effect, Event, Interrupt, Playing, Reason, SpeechStarted, Tick,
                                    Transcript, Typed)
from omni_agent.core.trace import Begin, State, Step
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams

FAST = settings(max_examples=60, deadline=None, derandomize=True,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
STATE = State('QUIET', 'IDLE', 'UP', None, 'just started')
ENGLISH = languages.lexicon('en')
floats = st.floats(allow_nan=True, allow_infinity=True)
st.register_type_strategy(float, floats)


def again(record: trace.Record) -> trace.Record:
    return trace.read(trace.write(record))


def same(one: object, other: object) -> bool:
    """Equal, where NaN equals NaN."""
    return repr(one) == repr(other) and type(one) is type(other)


@pytest.mark.parametrize('kind', get_args(Event), ids=lambda kind: kind.__name__)
@given(data=st.data())
@FAST
def test_every_event_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    event = data.draw(st.from_type(kind))
    step = again(Step(3, 12.25, event, (), STATE))
    assert same(step.event, event) and step.number == 3 and step.now == 12.25


@pytest.mark.parametrize('kind', get_args(Effect), ids=lambda kind: kind.__name__)
@given(data=st.data())
@FAST
def test_every_effect_comes_back_as_it_was(kind: type, data: st.DataObject) -> None:
    effects = tuple(data.draw(st.lists(st.from_type(kind), max_size=3)))
    assert same(again(Step(0, 0.0, Tick(0.0), effects, STATE)).effects, effects)


def test_an_epoch_keeps_all_of_its_digits() -> None:
    effect = Interrupt(2**64 - 1, False, Reason.HUSH, 1_790_000_000.123456789)
    assert again(Step(0, 0.0, Tick(0.0), (effect,), STATE)).effects == (effect,)


def begun(machine: TurnMachine, number: int = 0) -> Begin:
    return again(trace.begin(machine, number, 0.0, '0.1.0', 'en'))


@given(script=scripts, cut=st.integers(0, 30), params=st.sampled_from(PARAMS))
@FAST
def test_a_machine_that_is_read_goes_on_as_the_one_that_was_written(script, cut: int,
                                                                    params: TurnParams) -> None:
    play = Play(params).play(script[:cut])
    machine, strange = trace.machine_of(begun(play.machine), ENGLISH, params,
                                        AddresseeParams(sure=2.0))
    assert strange == ()
    assert machine.view() == play.machine.view() and machine.deadline() == play.machine.deadline()
    before = len(play.log)
    nows: list[float] = []
    step = play.step
    play.step = lambda event: (nows.append(play.now), step(event))[1
                                                                   ]  # type: ignore[method-assign]
    play.play(script[cut:])
    for now, (event, effects) in zip(nows, play.log[before:]):
        assert machine.step(event, now) == effects
    assert machine.view() == play.machine.view() and machine.deadline() == play.machine.deadline()


def test_the_parameters_of_a_recording_are_found_again() -> None:
    params = TurnParams(barge_in_words=3, judge_s=0.5)
    machine = TurnMachine(params, Play(params).machine.addressee, EPOCH, ENGLISH)
    record = begun(machine)
    assert trace.params_of(TurnParams, record.turn) == (params, ())
    assert trace.params_of(AddresseeParams, record.addressee) == (AddresseeParams(sure=2.0), ())


def test_a_parameter_that_is_no_more_is_named() -> None:
    assert (trace.params_of(TurnParams, {
        'judge_s': 0.1,
        'gone': 1
    }) == (TurnParams(judge_s=0.1), ('gone', )))


def test_an_attribute_that_only_one_version_has_is_named() -> None:
    play = Play(TurnParams())
    record = begun(play.machine)
    state = {**record.machine, '_gone': 1}
    del state['why']
    changed = Begin(0, 0.0, '0', 'en', record.turn, record.addressee, state)
    machine, strange = trace.machine_of(changed, ENGLISH, TurnParams(), AddresseeParams())
    assert strange == ('_gone', 'why') and machine.epoch == EPOCH


def test_a_piece_ends_at_a_hole_and_begins_again_at_the_next_beginning() -> None:
    start = begun(Play(TurnParams()).machine)

    def at(number: int) -> Step:
        return Step(number, 0.0, Tick(0.0), (), STATE)

    def beginning(number: int) -> Begin:
        return Begin(number, start.now, start.version, start.languages, start.turn,
                     start.addressee, start.machine)

    lines = [
        at(0),
        at(1),
        beginning(2),
        at(3),
        beginning(4),
        at(5),
        at(7),
        at(8),
        beginning(9),
        at(10),
        beginning(30)
    ]
    found = trace.pieces(lines)
    assert ([(first.number, [step.number for step in steps])
             for first, steps in found] == [(2, [3, 5]), (9, [10])])


def test_a_piece_ends_where_a_parameter_was_changed() -> None:
    first = begun(Play(TurnParams()).machine)
    second = begun(Play(TurnParams(judge_s=0.5)).machine, 2)
    lines = [first, Step(1, 0.0, Tick(0.0), (), STATE), second, Step(3, 0.0, Tick(0.0), (), STATE)]
    assert [found.turn['judge_s'] for found, _ in trace.pieces(lines)] == [0.8, 0.5]


@pytest.mark.parametrize('line', ['', '[]', '{', '{"trace": 99, "step": 1}', '{"trace": 1}',
                                  '{"trace": 1, "step": 1, "now": 0, "event": 1}'])
def test_what_is_no_trace_is_refused_in_words(line: str) -> None:
    with pytest.raises(WireError, match='trace'):
        trace.read(line)


@pytest.mark.parametrize('name', [
    'os.system', 'events.Union', 'trace.encode', '..events.Tick', 'events', 7, None,
    'nowhere.Tick', 'errors.WireError', 'turn.TurnMachine'
])
def test_a_trace_makes_nothing_but_data(name: object) -> None:
    line = json.loads(trace.write(Step(0, 0.0, Tick(0.0), (), STATE)))
    line['event'] = {'$': name, 't': 0.0}
    with pytest.raises(WireError):
        trace.read(json.dumps(line))


def test_a_field_of_a_later_version_is_refused_and_named() -> None:
    line = trace.write(Step(0, 0.0, Playing(1.0, 2, 'x'), (), STATE)).replace('"heard"', '"herd"')
    with pytest.raises(WireError, match='Playing.*herd'):
        trace.read(line)


def test_what_is_not_of_the_core_is_not_written() -> None:
    with pytest.raises(WireError, match='object'):
        trace.encode([object()])


def test_numbers_of_numpy_become_plain_ones() -> None:
    numpy = pytest.importorskip('numpy')
    event = Transcript(1.0, numpy.uint64(7), 'x', True, numpy.float32(0.5), None)
    back = again(Step(0, 0.0, event, (), STATE)).event
    assert (back.utterance, back.voiced_s) == (7, 0.5) and type(back.utterance) is int


def test_infinity_and_nan_are_strict_json() -> None:
    line = trace.write(Step(0, 0.0, Tick(math.inf), (), STATE))
    assert 'Infinity' not in line and trace.read(line).event.t == math.inf


def test_a_line_is_one_line() -> None:
    assert '\n' not in trace.write(Step(0, 0.0, Typed(0.0, 'one\ntwo\u2028'), (), STATE))


def test_speech_is_short() -> None:
    assert len(trace.write(Step(0, 0.0, SpeechStarted(1.0, 1), (), STATE))) < 300
