"""Conversations in which processes die and return, the clock is set, or two people overlap."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from conversation_simulator import BLOCK, MARKS, SILENCE, marked
from faulty_conversation import DUCK_LIMIT_S, Faulty, Rules, replies_in, runs, spoken
from faulty_graph import Post, SetWorld, Wire

from omni_agent.core.audio import RAMP_UP, RATE, Playout
from omni_agent.core.events import Playing, SpeechStarted, Typed

SEEDS = range(105)
DELAYS_S = (0.002, 0.005, 0.03)  # mean time on the way; sampled anew for every message
LONGEST_WHISPER_S = DUCK_LIMIT_S + RAMP_UP / RATE + 0.06  # and what the device holds


@lru_cache(maxsize=None)
def played(seed: int, rules: Rules = Rules()) -> Faulty:
    return Faulty(seed, DELAYS_S[seed % 3], rules=rules)


def deaths(talks: list[Faulty]) -> dict[str, int]:
    return {name: sum(talk.deaths[name] for talk in talks) for name in talks[0].deaths}


# -- killed and restarted -------------------------------------------------------------------------


def test_no_sample_of_a_void_epoch_is_heard_whoever_dies_and_comes_back():
    assert {
        seed: played(seed).stale_samples() for seed in SEEDS if played(seed).stale_samples()
    } == {}


def test_after_all_those_deaths_the_last_question_is_answered_at_full_voice():
    assert [seed for seed in SEEDS if not played(seed).answered()] == []


def test_no_death_leaves_the_robot_whispering():
    assert max(played(seed).longest_whisper_s() for seed in SEEDS) <= LONGEST_WHISPER_S
    assert {played(seed).end_gain() for seed in SEEDS} == {1.0}


def test_everybody_died_often_enough_to_mean_something():
    talks = [played(seed) for seed in SEEDS]
    assert min(deaths(talks).values()) > len(SEEDS) // 2
    assert sum(talk.tape.cuts for talk in talks) > 2 * len(SEEDS)
    assert sum(len(talk.marks) for talk in talks) > 5 * len(SEEDS)
    assert (
        sum(speaker.raised_alone for talk in talks for speaker in talk.lives['speaker'])
        > len(SEEDS) // 10
    )


@pytest.mark.parametrize(
    'rules', [Rules(gate=False), Rules(outranks=False)], ids=['no gate', 'no first epoch']
)
def test_without_epochs_the_same_conversations_leak(rules: Rules):
    assert sum(played(seed, rules).stale_samples() > 0 for seed in range(16)) >= 2


def test_a_decision_that_does_not_outrank_its_former_self_is_not_heard_again():
    assert sum(not played(seed, Rules(outranks=False)).answered() for seed in range(16)) >= 2


def test_a_tenth_of_all_messages_lost_brings_back_neither_old_sound_nor_a_whisper():
    """DDS promises more than this; a full queue on a busy robot does not."""
    talks = [Faulty(seed, DELAYS_S[seed % 3], loss=0.1) for seed in range(18)]
    assert sum(talk.stale_samples() for talk in talks) == 0
    assert {talk.end_gain() for talk in talks} == {1.0}


# -- killed at the worst moment -------------------------------------------------------------------


def killed_while_lowered(name: str, rules: Rules = Rules(), away_s: float = 8.0) -> Faulty:
    """Somebody makes a sound while the robot speaks; ``name`` dies as the voice gives way."""

    def script(talk: Faulty) -> None:
        talk.lives['reaction'][0].longer = 8
        talk.tell(1.0, lambda now: Typed(now, 'tell me a story'))

        def on_playing() -> None:
            now = talk.world.now
            talk.tell(now + 0.1, lambda now: SpeechStarted(now, 1))
            talk.world.at(now + 0.2, lambda: talk.kill(name, away_s))

        wait_for_sound(talk, on_playing)

    return Faulty(5, 0.005, kills=0, rules=rules, talk=script, seconds=40.0)


def wait_for_sound(talk: Faulty, then) -> None:  # noqa: ANN001
    """Look every 10 ms."""

    def look() -> None:
        if talk.lives['speaker'][-1].playout.progress().played > RATE // 10:
            then()
        else:
            talk.world.after(0.01, look)

    talk.world.at(1.0, look)


@pytest.mark.parametrize('name', ['decision', 'perception', 'reaction', 'speaker'])
def test_whoever_dies_while_the_voice_is_lowered_it_comes_back_within_the_limit(name: str):
    talk = killed_while_lowered(name)
    assert talk.deaths[name] == 1
    assert talk.longest_whisper_s() <= LONGEST_WHISPER_S
    assert (talk.stale_samples(), talk.end_gain(), talk.answered()) == (0, 1.0, True)


def test_a_dead_decision_loses_nothing_of_the_reply_that_it_had_lowered():
    talk = killed_while_lowered('decision', away_s=15.0)
    reply = talk.lives['reaction'][0]
    epoch = min(talk.marks)
    ends = [
        event for event in talk.lives['speaker'][0].playback.sent if not isinstance(event, Playing)
    ]
    assert (ends[0].epoch, ends[0].complete) == (epoch, True)
    assert (
        talk.lives['speaker'][0].raised_alone == 1 and reply.gate.epoch > epoch
    )  # its successor was obeyed


def test_without_an_alarm_in_the_speaker_a_dead_decision_leaves_it_whispering():
    talk = killed_while_lowered('decision', Rules(duck_alarm=False))
    assert talk.longest_whisper_s() > 2 * LONGEST_WHISPER_S


# -- the clock is set -----------------------------------------------------------------------------


def set_clock(seed: int, jump_s: float, kills: int = 0) -> Faulty:
    def script(talk: Faulty) -> None:
        talk.talk.one_person(talk.calm - 2.0)
        for _ in range(2):
            talk.world.at(talk.world.random.uniform(5.0, 40.0), lambda: jump(talk.world, jump_s))

    return Faulty(seed, DELAYS_S[seed % 3], kills=kills, talk=script)


def jump(world: SetWorld, by_s: float) -> None:
    world.set_s += by_s


@pytest.mark.parametrize('jump_s', [3600.0, -3600.0], ids=['an hour on', 'an hour back'])
def test_a_clock_that_is_set_brings_back_no_old_sound_and_the_last_question_is_answered(
    jump_s: float,
):
    talks = [set_clock(seed, jump_s) for seed in range(16)]
    assert [talk.stale_samples() for talk in talks] == [0] * len(talks)
    assert [seed for seed, talk in enumerate(talks) if not talk.answered()] == []
    assert max(talk.longest_whisper_s() for talk in talks) <= LONGEST_WHISPER_S
    assert {talk.end_gain() for talk in talks} == {1.0}


# -- two people -----------------------------------------------------------------------------------


@lru_cache(maxsize=None)
def crowded(seed: int) -> Faulty:
    return Faulty(
        seed,
        DELAYS_S[seed % 3],
        kills=seed % 3,
        talk=lambda talk: talk.talk.two_people(talk.calm - 2.0),
    )


def test_two_people_who_talk_over_each_other_and_over_the_robot_never_hear_an_old_answer():
    talks = [crowded(seed) for seed in range(24)]
    assert sum(talk.stale_samples() for talk in talks) == 0
    assert [seed for seed, talk in enumerate(talks) if not talk.answered()] == []
    assert max(talk.longest_whisper_s() for talk in talks) <= LONGEST_WHISPER_S
    assert sum(talk.tape.cuts for talk in talks) > 2 * len(talks)


def test_two_people_at_once_are_one_utterance_of_both_their_words():
    words = sorted(
        spoken(1.0, 'what time is it') + spoken(1.1, 'did you lock the door') + spoken(6.0, 'okay')
    )
    assert [' '.join(word for _, word in run) for run in runs(words)] == [
        'what did time you is lock it the door',
        'okay',
    ]


# -- the marks and the wires themselves -----------------------------------------------------------


@pytest.mark.parametrize('mark', range(MARKS))
@pytest.mark.parametrize('ramp', ['lowered', 'raised'])
def test_the_marks_are_read_through_any_ramp_of_the_gain(mark: int, ramp: str):
    playout, out = Playout(), np.zeros((20, BLOCK), np.int16)
    playout.push(1, marked(mark, out.size))
    for at, block in enumerate(out):
        playout.fill(block)
        playout.lower(at >= 3 if ramp == 'lowered' else 3 <= at < 8)
    assert set(replies_in(out.reshape(-1))) == {mark, SILENCE}
    assert np.count_nonzero(replies_in(out.reshape(-1)) == mark) > out.size // 2 - 5


class Reader:
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.got: list[object] = []

    def take(self, message: object) -> None:
        self.got.append(message)


@pytest.mark.parametrize(('latched', 'late'), [(True, ['second']), (False, [])])
def test_who_comes_late_gets_the_latched_state_and_nothing_else(latched: bool, late: list[str]):
    world = SetWorld(1, 0.005)
    writer, reader = Post(world), Post(world)
    writer.take(object())
    wire = Wire(world, writer, [(reader, 'take')], latched)
    world.at(1.0, lambda: wire.publish('first'))
    world.at(2.0, lambda: wire.publish('second'))
    world.at(3.0, lambda: reader.take(Reader()))
    world.run(5.0)
    assert reader.holder.got == late


def test_what_is_on_its_way_to_the_dead_or_written_by_the_dead_is_lost():
    world = SetWorld(1, 0.005)
    writer, reader = Post(world), Post(world)
    writer.take(object())
    reader.take(Reader())
    wire = Wire(world, writer, [(reader, 'take')])
    first = reader.holder
    world.at(1.0, lambda: (wire.publish('late'), reader.leave(), reader.take(Reader())))
    world.at(3.0, lambda: (wire.publish('heard'), writer.leave()))
    world.at(4.0, lambda: wire.publish('from the grave'))
    world.run(5.0)
    assert (first.got, reader.holder.got) == ([], ['heard'])
