"""Stories about what counts as good behaviour, on made-up recordings with known faults."""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
import pytest
from synthetic_recording import CERTAIN_S, FAULTS, T0, Room, conversation

from omni_agent.core.causes import Utterance, line_behind
from omni_agent.core.errors import WireError
from omni_agent.core.metrics import metrics
from omni_agent.core.recording import Interrupt, Line, Playback, React, Tracks, parse, read
from omni_agent.core.sounding import RobotSound, lowered_spans


@lru_cache(maxsize=None)
def scored(*faults: str) -> dict:
    lines, tracks = conversation(*faults)
    return metrics(read(lines), tracks)


def moment(name: str, *faults: str) -> dict:
    return next(line for line in scored(*faults)['lines'] if line['name'] == name)


def test_a_well_behaved_robot_passes_every_moment():
    outcome = scored()
    assert outcome['all_passed'], outcome['failures']
    assert outcome['counts']['passed'] == 10
    assert outcome['counts']['stale'] == outcome['counts']['false_interrupts'] == 0


@pytest.mark.parametrize('fault, name, words', [
    ('mute', 'a first question', 'No reply was decided'),
    ('inaudible', 'a first question', 'never heard'),
    ('talks_over', 'a first question', 'before the person was done'),
    ('meddles', 'side talk answered', 'not meant for it'),
    ('deaf', 'a new question cuts in', 'went on speaking'),
    ('old_answer_returns', 'a new question cuts in', 'heard after the stop'),
    ('slow_stop', 'a new question cuts in', 'until the robot was silent'),
    ('nod_kills', 'a nod', 'was cut off'),
    ('nod_kills', 'a cough', 'was not speaking'),
    ('stays_low', 'a nod', 'stayed lowered'),
    ('answers_stop', 'stop', 'spoke again'),
    ('misses_a_line', 'never said', 'never found the moment'),
])
def test_a_fault_fails_its_own_moment_and_says_why(fault, name, words):
    line = moment(name, fault)
    assert line['passed'] is False
    assert words in line['why']
    assert not scored(fault)['all_passed']


@pytest.mark.parametrize('fault', FAULTS)
def test_a_fault_leaves_the_verdict_on_unrelated_moments_alone(fault):
    assert moment('memory', fault)['passed'] is True
    if fault != 'answers_stop':
        assert moment('stop', fault)['passed'] is True


def test_a_robot_that_cuts_itself_off_with_nobody_speaking_does_not_pass():
    outcome = scored('cuts_itself_off')
    assert outcome['counts']['false_interrupts'] == 1
    assert all(line['passed'] for line in outcome['lines'])
    assert not outcome['all_passed']


def test_the_first_sound_is_measured_from_the_last_word_to_the_loudspeaker():
    line = moment('a first question')
    assert line['first_sound_s'] == pytest.approx(0.62 + 0.40, abs=0.011)     # decided, sounded
    assert sum(line['stages'].values()) == pytest.approx(line['first_sound_s'], abs=0.001)
    assert line['stages']['hangover'] == pytest.approx(0.26, abs=0.001)
    assert line['stages']['recognition'] == pytest.approx(0.19, abs=0.001)


def test_what_was_saved_by_preparing_a_reply_is_told_beside_its_first_sound():
    line = moment('a first question')
    assert line['prepared_s'] == pytest.approx(CERTAIN_S - 0.004, abs=0.001)
    figures = scored()['figures']
    assert figures['prepared_p50_s'] == pytest.approx(CERTAIN_S - 0.004, abs=0.001)
    assert figures['first_sound_unprepared_p50_s'] == pytest.approx(
        figures['first_sound_p50_s'] + CERTAIN_S - 0.004, abs=0.001)


def test_a_turn_that_was_over_later_than_was_thought_leaves_more_time_to_prepare():
    lines, tracks = conversation()
    records = [json.loads(text) for text in lines]
    first = next(one for one in records if one['topic'] == 'react')
    for later, saved in ((0.2, 0.196), (9.0, 0.37)):     # at most until its speech was ready
        moved = {**first, 't': first['t'] + 0.05, 'received': first['received'] + 0.05,
                 'not_before': first['t'] + later}
        outcome = metrics(read([json.dumps(one) for one in (*records, moved)]), tracks)
        line = next(one for one in outcome['lines'] if one['name'] == 'a first question')
        assert line['prepared_s'] == pytest.approx(saved, abs=0.005)


def test_without_the_time_of_its_certain_end_nothing_is_said_about_preparing():
    lines, tracks = conversation()
    records = [{key: value for key, value in json.loads(text).items() if key != 'not_before'}
               for text in lines]
    outcome = metrics(read([json.dumps(one) for one in records]), tracks)
    assert outcome['figures']['prepared_p50_s'] is None
    assert outcome['figures']['first_sound_p50_s'] is not None


def test_silence_and_lowering_are_measured_from_the_persons_first_sound():
    line = moment('a new question cuts in')
    assert line['silence_ms'] == pytest.approx(430 + 30, abs=25)     # decided, faded
    assert line['duck_ms'] == pytest.approx(85 + 20, abs=15)         # ordered, one block later
    assert moment('a nod')['lowered_ms'] == pytest.approx(435, abs=1)


def test_lowering_the_voice_for_the_next_line_is_not_measured_from_the_one_before():
    lines, tracks = conversation()
    cut_in = moment('a new question cuts in')['start_s']
    murmur = {'topic': 'line', 't': T0 + cut_in - 1.0, 'end': T0 + cut_in - 0.8, 'index': 50,
              'name': 'a murmur', 'who': 'Ben', 'text': 'Hm.', 'expect': 'survives'}
    outcome = metrics(read([*lines, json.dumps(murmur)]), tracks)
    murmured = next(line for line in outcome['lines'] if line['name'] == 'a murmur')
    assert murmured['passed'] and murmured['duck_ms'] is None


def test_a_lowered_voice_is_not_yet_a_silent_one():
    assert moment('a new question cuts in', 'slow_stop')['silence_ms'] > 2300


def test_stale_sound_is_found_in_the_track_with_both_epochs():
    outcome = scored('old_answer_returns')
    stale = outcome['stale'][0]
    assert stale['current'] > stale['epoch']
    assert stale['t'] == pytest.approx(34.8, abs=0.05)
    assert stale['seconds'] == pytest.approx(0.7, abs=0.1)
    assert any('void' in failure for failure in outcome['failures'])


def test_stale_playback_is_found_even_if_the_new_answer_drowns_it():
    lines, tracks = conversation()
    recording = read(lines)
    old = recording.reacts[0].epoch
    late = {'topic': 'playback', 't': T0 + 37.0, 'received': T0 + 37.0, 'epoch': old,
            'state': 'playing',
            'samples_played': 100, 'rate': 16_000, 'queued_s': 0.0, 'ducked': False,
            'heard': 'Hello!'}
    outcome = metrics(read([*lines, json.dumps(late)]), tracks)
    assert outcome['counts']['stale'] == 1
    assert not outcome['all_passed']


def test_sound_right_after_an_interrupt_is_the_fade_and_not_stale():
    level = np.zeros(32_000, np.int16)
    level[:16_000 + 1_600] = 8000                          # 100 ms beyond the interrupt at 1 s
    playback = [Playback(0.0, 0.0, 1, 'started'), Playback(1.1, 1.1, 1, 'flushed', 17_600)]
    sound = RobotSound(Tracks(0.0, 16_000, level, level), playback)
    assert sound.stale([Interrupt(1.0, 1.0, 2, False, 'barge_in')]) == []
    assert len(sound.stale([Interrupt(0.8, 0.8, 2, False, 'barge_in')])) == 1


def test_a_pause_between_words_is_not_taken_for_a_lowered_voice():
    samples = np.full(48_000, 8000, np.int16)
    samples[16_000:20_000] = 0                                             # pauses at 1.0 s
    samples[24_000:] = 400                                                 # lowered at 1.5 s
    sound = RobotSound(Tracks(0.0, 16_000, samples, samples), [Playback(0.0, 0.0, 1, 'started')])
    assert sound.lowered_at(onset=0.9, ordered=1.3) == pytest.approx(1.5, abs=0.011)


def test_a_voice_that_is_never_raised_again_is_lowered_to_the_end():
    spans = lowered_spans([Interrupt(1.0, 1.0, 1, True, 'first_sound')], end=9.0)
    assert [(span.start, span.stop) for span in spans] == [(1.0, 9.0)]


def test_rates_compare_speaking_with_idle():
    rates = scored()['rates']
    assert rates['image']['ratio'] == pytest.approx(1.0, abs=0.05)
    assert (rates['look']['ratio'] == pytest.approx(1.0, abs=0.05)
            and rates['look']['max_gap_s'] < 0.2)
    assert rates['speech_state']['idle_hz'] == pytest.approx(31.25, abs=0.3)


def test_a_camera_that_freezes_while_the_robot_speaks_shows_in_the_rate():
    lines, tracks = conversation()
    speaking = [(line['marks']['heard'], line['marks']['heard'] + 4) for line in scored()['lines']
                if 'heard' in line['marks']]

    def frozen(text: str) -> bool:
        record = json.loads(text)
        return record['topic'] == 'image' and any(a < record['t'] - T0 < b for a, b in speaking)

    outcome = metrics(read([text for text in lines if not frozen(text)]), tracks)
    assert outcome['rates']['image']['ratio'] < 0.7
    assert outcome['rates']['image']['max_gap_s'] > 3.5


def test_malformed_lines_are_counted_and_survived():
    lines, tracks = conversation()
    junk = ['{', '[]', 'null', '{"topic": 3}', '{"topic": "percept", "t": 1}',
            '{"topic": "react", "t": "now", "epoch": 1}',
            '{"topic": "interrupt", "t": 1, "epoch": 1, "ducked": 1, "reason": "hush"}',
            '\udcff\udcfe',
            '{"topic": "playback", "t": 1, "epoch": 1, "state": "melting"}',
            '{"topic": "image", "t": NaN}',
            '{"topic": "image", "t": 1e999}', '[' * 100_000]
    recording = read([*junk, *lines, '', '{"topic": "from the future", "t": 1}'])
    assert recording.malformed == len(junk)
    assert recording.unknown == 1
    assert metrics(recording, tracks)['all_passed']


def test_a_recording_without_meta_is_refused_with_advice():
    with pytest.raises(WireError, match='events.jsonl'):
        read(['{"topic": "image", "t": 1.0}', 'junk'])


def test_a_run_without_lines_or_sound_does_not_pass():
    meta = json.dumps({'topic': 'meta', 't': T0, 't0': T0})
    silent = Tracks(T0, 16_000, np.zeros(0, np.int16), np.zeros(0, np.int16))
    outcome = metrics(read([meta]), silent)
    assert not outcome['all_passed']
    assert outcome['figures']['first_sound_p50_s'] is None
    json.dumps(outcome, allow_nan=False)


def test_a_line_told_twice_counts_once_with_its_later_end():
    first, tracks = conversation()
    meta = first[0]
    line = {'topic': 'line', 't': T0 + 1, 'end': T0 + 2, 'index': 0, 'name': 'a', 'who': 'Anna',
            'text': 'Hi', 'expect': 'none'}
    recording = read([meta, json.dumps(line), json.dumps({**line, 'end': T0 + 3})])
    assert [one.end - T0 for one in recording.lines] == [3.0]


def test_what_was_not_judged_is_not_a_number():
    state = parse({'topic': 'agent_state', 't': 1.0, 'epoch': 2**63, 'person': 'quiet',
                   'agent': 'idle',
                   'addressee_score': None})
    assert state.addressee_score != state.addressee_score
    assert state.epoch == 2**63
    assert state.received == 1.0


def test_a_reply_belongs_to_the_line_that_was_over_or_whose_words_it_repeats():
    first = Line(8.0, 10.0, 0, 'first', 'Anna', 'Where are you?')
    second = Line(10.3, 11.6, 1, 'second', 'Ben', 'At home.')
    heard = [Utterance(1, 8.1, 10.0, 'where are you'), Utterance(2, 10.4, 11.6, 'at home')]
    assert line_behind(React(10.6, 10.6, 1), (first, second), heard) is first
    assert line_behind(React(11.3, 11.3, 1), (first, second), heard) is second
    assert line_behind(React(11.9, 11.9, 1, 'Where are you?'), (first, second), heard) is first
    assert line_behind(React(30.0, 30.0, 1), (first, second), heard) is None


@pytest.mark.parametrize('remark_s, passed, words', [(15.0, True, 'Told "Somebody has left." '),
                                                     (45.0, False, 'nothing was remarked on'),
                                                     (None, False, 'nothing')])
def test_what_was_to_be_told_has_to_be_told_and_is_blamed_on_nobody(remark_s, passed, words):
    room = Room(60.0)
    asked = room.say(5.0, 'Let me know when the man has left.', 'Anna', 'told', 'watch')
    room.judge(asked, 0.9, 'A request.')
    room.reply(asked, 'Okay. I will tell you every time a person leaves.')
    if remark_s is not None:
        room.remark(remark_s, 'Somebody has left.')
    lines, tracks = room.finish()
    outcome = metrics(read(lines), tracks)
    assert outcome['lines'][0]['passed'] is passed and words in outcome['lines'][0]['why']
