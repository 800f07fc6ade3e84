"""A stop phrase passes every gate, in every language that comes with the robot: said once, quietly
and briefly, while nobody knows yet that it is a person at all, and before it is over.
"""

from __future__ import annotations

import pytest

from language_sentences import CODES, sentences
from omni_agent.backends import languages
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.attention import MODES
from omni_agent.core.events import (Effect, EndInstructions, Interrupt, ModeWanted, Playing,
                                    Reason, SpeechStarted, SpeechStopped, Transcript, Typed)
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import Agent, Person, TurnParams

EPOCH = 1_700_000_000_000
PLAIN = {'de': 'Hör auf!', 'en': 'Stop.', 'es': 'Basta ya.', 'fr': 'Arrête !', 'zh': '别说了。'}
# -60 dBFS is a whisper at the other end of a room; the echo gate explains all of its sound
QUIET = {'level_dbfs': -60.0, 'echo': 1.0, 'voiced_s': 0.1}


def speaking(code: str, name: str = 'robot') -> TurnMachine:
    """A robot that hears this language, in the middle of a reply."""
    machine = TurnMachine(TurnParams(), Addressee(AddresseeParams(name=name)), EPOCH,
                          languages.lexicon(code))
    machine.step(Typed(10.0, 'tell me a story'), 10.0)
    machine.step(Playing(11.0, machine.epoch, 'Once'), 11.0)
    assert machine.agent is Agent.SPEAKING
    return machine


def hear(machine: TurnMachine, text: str, final: bool = False, t: float = 13.0,
         **heard: float) -> list[Effect]:
    return machine.step(Transcript(t, 1, text, final, **heard), t)


def reasons(effects: list[Effect]) -> list[Reason]:
    return [effect.reason for effect in effects if isinstance(effect, Interrupt)]


def test_every_language_that_was_asked_for_has_stop_phrases_of_its_own() -> None:
    assert set(CODES) == set(PLAIN) == {'de', 'en', 'es', 'fr', 'zh'}
    assert all(len(languages.named(code).any_stop) >= 15 for code in CODES)


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('code', CODES)
def test_one_quiet_stop_is_obeyed_while_it_is_still_being_said(code: str, mode: str) -> None:
    machine = speaking(code)
    machine.step(ModeWanted(11.5, mode), 11.5)
    machine.step(SpeechStarted(12.9, 1), 12.9)
    epoch = machine.epoch
    assert reasons(hear(machine, PLAIN[code], **QUIET)) == [Reason.STOP_PHRASE]
    assert machine.person is Person.SPEAKING and machine.epoch == epoch + 1
    assert machine.agent is Agent.IDLE


@pytest.mark.parametrize('code', CODES)
def test_a_stop_of_which_nobody_heard_the_beginning_is_obeyed_too(code: str) -> None:
    """Its words came, and no message that somebody speaks."""
    machine = speaking(code)
    effects = hear(machine, PLAIN[code], final=True, **QUIET)
    assert reasons(effects) == [Reason.STOP_PHRASE]
    assert any(isinstance(effect, EndInstructions) for effect in effects)


@pytest.mark.parametrize('code', CODES)
def test_it_is_not_obeyed_where_the_robot_itself_was_saying_it(code: str) -> None:
    machine = speaking(code)
    machine.step(SpeechStarted(12.9, 1), 12.9)
    assert hear(machine, PLAIN[code], text_echo=1.0, **QUIET) == []


@pytest.mark.parametrize('code', CODES)
def test_inside_a_sentence_about_something_else_it_stops_nothing(code: str) -> None:
    texts = sentences('development', code)['no_stop']
    assert len(texts) >= 10
    for text in texts:
        machine = speaking(code)
        machine.step(SpeechStarted(12.0, 1), 12.0)
        told = hear(machine, text, voiced_s=1.0)
        told += machine.step(SpeechStopped(13.1, 1, 1.0), 13.3)
        told += hear(machine, text, final=True, t=13.4, voiced_s=1.0)
        assert Reason.STOP_PHRASE not in reasons(told), text
