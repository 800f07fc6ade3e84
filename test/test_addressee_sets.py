"""Labelled sets of utterances: the file, our own scenes, a trial through the addressee, and its
figures.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from omni_agent.backends import (BLOCK, RATE, addressee_noises, addressee_script, addressee_sets,
                                 audio_files, broadcast, image_room, load, own_addressee_set,
                                 recorded_people, speakers, voice_cues)
from omni_agent.backends import room_acoustics as acoustics
from omni_agent.backends.addressee_play import Listener
from omni_agent.core import prompts
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.addressee_figures import (calibration, calibration_error, conditions, counts,
                                               figures)
from omni_agent.core.addressee_set import BROADCAST, FOR_ROBOT, TO_OTHERS, Item, as_csv, parse
from omni_agent.core.addressee_trial import DECIDE_S, Final, Trial
from omni_agent.core.errors import ConfigError
from omni_agent.core.turn_states import TurnParams
from omni_agent.share import share_dir

ASSETS = Path(__file__).parents[1] / 'scenarios' / 'assets'
HEADER = 'file,label,looks_here'


def final(text: str, begin: float = 1.0, end: float = 2.5) -> Final:
    return Final(begin, end, end - begin, -30.0, text, 0.05)


# -- the file -------------------------------------------------------------------------------------


def test_what_was_written_is_read_again():
    items = [
        Item('a.wav', FOR_ROBOT, 'kitchen', 'question', 'What, "now"?', 'Jo', 'test', 1.5, 'Yes?',
             10.0, 2.0, 1.0, 0.7, 0.2),
        Item('b.flac', BROADCAST, 'kitchen')
    ]
    assert parse(as_csv(items).splitlines()) == items


def test_two_columns_are_enough_and_what_is_not_given_is_not_known():
    one, = parse(['file,label', 'a.wav,people'])
    assert (one.scene == 'a.wav' and one.half == 'test' and one.looks_here is None
            and not one.for_robot)


@pytest.mark.parametrize('line, problem',
                         [('a.mp3,robot,', 'neither wav nor flac'),
                          ('a.wav,me,', "'me' is none of robot, people, broadcast"),
                          ('a.wav,robot,2', "looks_here '2' is no number from 0 to 1"),
                          ('a.wav,robot,often', 'looks_here')])
def test_a_wrong_line_is_refused_with_its_number(line: str, problem: str):
    with pytest.raises(ConfigError, match='line 2') as refused:
        parse([HEADER, line])
    assert problem in str(refused.value)


def test_a_recording_that_is_missing_is_named(tmp_path: Path):
    (tmp_path / 'labels.csv').write_text('file,label\ngone.wav,robot\n')
    with pytest.raises(ConfigError, match='gone.wav'):
        addressee_sets.read(tmp_path)


# -- our own set ----------------------------------------------------------------------------------


def spoken(half: str) -> set[str]:
    return {
        text.lower().strip('.?!')
        for scene in addressee_script.scenes(half)
        for said in scene.said
        for text in said.texts
    }


def test_the_halves_share_no_sentence_voice_noise_or_room():
    halves = [addressee_script.scenes(half) for half in ('development', 'test')]
    for what in (lambda scene: {scene.room}, lambda scene: {scene.noise},
                 lambda scene: {voice for said in scene.said for voice in said.voices}):
        one, other = ({item for scene in scenes for item in what(scene)} for scenes in halves)
        assert not one & other
    both = spoken('development') & spoken('test')
    # its name and the stop phrase have no other words
    assert both <= {'robot', 'robot, stop'}


def test_no_test_sentence_is_in_the_words_that_were_only_read_or_in_a_prompt():
    texts = addressee_script.texts('development')['read']
    known = {
        text.lower().strip('.?!')
        for text in (*texts['for'], *texts['other'], *(example
                                                       for example, _ in prompts.JUDGE_EXAMPLES))
    }
    assert not spoken('test') & known
    near = [
        text for text in sorted(spoken('test')) if difflib.get_close_matches(text, known, 1, 0.93)
    ]
    assert near == []


def test_no_test_sentence_is_in_another_file_that_weights_are_fitted_to():
    folder = share_dir() / 'scenarios' / 'addressee'
    written = [text for path in folder.glob('*.yaml') if path.stem not in recorded_people.HALVES
               for text in _strings(yaml.safe_load(path.read_text(encoding='utf-8')))]
    known = {row for text in written for row in _rows(text)}
    # nor four words of one
    assert [text for text in sorted(spoken('test')) if _rows(text) & known] == []
    for path in folder.glob('*.csv'):
        with open(path, newline='', encoding='utf-8') as file:
            assert not spoken('test') & {row['said'].lower().strip('.?!')
                                         for row in csv.DictReader(file)}


def _strings(tree: object) -> list[str]:
    if isinstance(tree, str):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return [text for part in parts for text in _strings(part)]


def _rows(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"[a-z0-9']+", text.lower())
    return {tuple(words[at:at + 4]) for at in range(len(words) - 3)}


def test_the_halves_share_no_recording_of_a_person_and_no_order_that_is_nearly_the_same():
    halves = [recorded_people.recordings(half) for half in recorded_people.HALVES]
    for what in ('voice', 'text', 'source'):
        one, other = ({getattr(line, what) for line in lines} for lines in halves)
        assert one and not one & other
    sounds = [{hashlib.sha256(recorded_people.file_of(half, line).read_bytes()).digest()
               for line in lines if recorded_people.file_of(half, line)}
              for half, lines in zip(recorded_people.HALVES, halves)]
    assert len(sounds[0]) == 38 and len(sounds[1]) == 41 and not sounds[0] & sounds[1]
    one, other = ([line.text for line in lines] for lines in halves)
    assert [text for text in one if difflib.get_close_matches(text, other, 1, 0.93)] == []


def test_recorded_people_speak_to_the_robot_to_each_other_and_on_the_radio_in_both_halves():
    for half in recorded_people.HALVES:
        said = [one for scene in addressee_script.scenes(half) for one in scene.said
                if one.voices[0].startswith('human:')]
        people = {label: {voice for one in said if one.label == label for voice in one.voices}
                  for label in (FOR_ROBOT, TO_OTHERS, BROADCAST)}
        assert len(people[FOR_ROBOT]) > 20 and len(people[TO_OTHERS]) == 5
        assert people[BROADCAST] >= people[TO_OTHERS] and not people[FOR_ROBOT] & people[TO_OTHERS]


def test_scenes_with_recordings_come_after_all_others():
    for half in recorded_people.HALVES:
        human = [any(voice.startswith('human:') for said in scene.said for voice in said.voices)
                 for scene in addressee_script.scenes(half)]
        assert human == sorted(human) and not human[0]


def test_every_recording_holds_a_voice_that_can_be_said_again():
    for half in recorded_people.HALVES:
        for line in recorded_people.recordings(half):
            if recorded_people.file_of(half, line):
                sound = speakers.speak(line.text, line.voice)
                assert 0.9 < len(sound) / RATE < 8.0 and 0.05 < np.abs(sound).max() < 0.07
    with pytest.raises(ConfigError, match='no recording'):
        speakers.speak('Nobody ever said this.', recorded_people.recordings('test')[0].voice)


def test_every_kind_of_noise_is_in_its_half_and_sounds_like_itself_alone():
    kinds = []
    for half in recorded_people.HALVES:
        kinds.append([*addressee_script.NOISES[half], *addressee_script.MORE_NOISES[half]])
        assert {scene.noise for scene in addressee_script.scenes(half)} == set(kinds[-1])
    assert not set(kinds[0]) & set(kinds[1])
    # music, and people who were recorded
    shapes = {kind: _bands(addressee_noises.noise_of(kind, half, 7))
              for half, own in addressee_script.MORE_NOISES.items() for kind in own}
    assert len(set(addressee_noises.MUSIC.values())) == 2
    for one, shape in shapes.items():
        for other, second in shapes.items():
            assert one == other or np.abs(shape - second).max() > 3.0, (one, other)


def _bands(sound: np.ndarray) -> np.ndarray:
    """Levels in third octaves from 100 Hz to 4 kHz [dB]."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    edges = (100 * 2 ** (np.arange(17) / 3) * sound.size / RATE).astype(int)
    return 10 * np.log10(np.add.reduceat(power, edges)[:-1] / power.sum())


def test_scenes_are_the_same_on_every_call():
    assert addressee_script.scenes('development') == addressee_script.scenes('development')


def test_who_is_turned_away_is_duller_and_farther_away_is_more_room():
    box = image_room.draw(3)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(RATE)
    def tilt(turned: float) -> float:
        heard = np.convolve(noise, image_room.response(box, 0.7, turned,
                                                       5))[:RATE].astype(np.float32)
        return voice_cues.measure(np.concatenate([np.zeros(RATE // 2, np.float32),
                                                  heard])).cues['tilt_db']
    assert tilt(0.0) > tilt(150.0) + 1.0
    def direct(distance: float) -> float:
        response = image_room.response(box, distance, 0.0, 5)
        at = int(np.abs(response).argmax())
        return float((response[max(0, at - 40):at + 40]**2).sum() / (response**2).sum())
    assert direct(0.7) > direct(2.0)


def test_a_broadcast_is_evener_than_a_voice_and_its_box_has_no_low_tones():
    voice = audio_files.read(ASSETS / 'bench' / 's01.flac')
    programme = broadcast.programme([voice] * 3, 1)
    assert acoustics.frame_levels(programme).std() < acoustics.frame_levels(voice).std()
    noise = np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32) * 0.1
    lead = np.zeros(RATE // 2, np.float32)
    open_air, box = (voice_cues.measure(np.concatenate([lead, sound])).cues['low_db']
                     for sound in (noise, broadcast.boxed(noise, 200.0, 6000.0)))
    assert box < open_air - 3.0


# -- cues -----------------------------------------------------------------------------------------


def test_sound_without_a_voice_in_it_has_no_cues():
    for sound in (np.zeros(RATE, np.float32), np.zeros(0, np.float32), np.zeros(100, np.float32)):
        assert voice_cues.measure(sound).cues == {}


def test_cues_are_finite_and_known_for_any_noise():
    from omni_agent.core.cues import CUES

    for seed in range(5):
        rng = np.random.default_rng(seed)
        found = voice_cues.measure(
            (rng.standard_normal(RATE * 2) * rng.uniform(0, 0.3)).astype(np.float32))
        assert all(np.isfinite(value) for value in found.cues.values())
        assert set(found.cues) <= set(CUES) | {'pitch', 'voiced'}


# -- a trial --------------------------------------------------------------------------------------


def trial() -> Trial:
    return Trial(Addressee(AddresseeParams()))


def test_what_was_refused_makes_the_next_sentence_side_talk_and_what_was_answered_a_follow_up():
    talk = [(Item('a.wav', TO_OTHERS, 'x', gap_s=1.0), [final('she said it was fine')]),
            (Item('b.wav', TO_OTHERS, 'x', gap_s=1.0), [final('we went home')])]
    assert trial().run(talk)[1].situation.side_talk_s == pytest.approx(1.0)
    asked = [(Item('a.wav', FOR_ROBOT, 'y'), [final('robot what time is it')]),
             (Item('b.wav', FOR_ROBOT, 'y', gap_s=2.0), [final('and in tokyo')])]
    assert trial().run(asked)[1].situation.robot_spoke_s == pytest.approx(2.0 + 1.5)


def test_a_new_scene_knows_nothing_of_the_last_one():
    outcomes = trial().run([(Item('a.wav', FOR_ROBOT, 'x'), [final('robot what time is it')]),
                            (Item('b.wav', FOR_ROBOT, 'y'), [final('and in tokyo')])])
    assert outcomes[1].situation.robot_spoke_s is None


def test_what_the_robot_said_before_is_known():
    one, = trial().run([(Item('a.wav', FOR_ROBOT, robot_said='Which one?',
                              gap_s=1.0), [final('the blue one')])])
    assert one.situation.robot_asked and one.accepted


def test_what_was_not_heard_at_all_is_missed():
    outcomes = trial().run([(Item('a.wav', FOR_ROBOT), []),
                            (Item('b.wav', FOR_ROBOT, 'y'), [final('robot come here')]),
                            (Item('c.wav', TO_OTHERS, 'z'), [final('robot come here')])])
    found = counts(outcomes)
    assert (found.right, found.missed, found.false) == (1, 1, 1)
    assert found.f1 == pytest.approx(0.5) and found.recall == 0.5


def test_a_mute_and_a_talkative_robot_both_score_badly():
    items = [(Item(f'{n}.wav', FOR_ROBOT if n % 2 else BROADCAST, str(n)), [final('blue')])
             for n in range(10)]
    mute = Trial(Addressee(AddresseeParams(threshold=0.9))).run(items)
    assert counts(mute).f1 == 0.0
    talkative = trial().run([(item, [final('robot come here')]) for item, _ in items])
    assert counts(talkative).precision == 0.5
    assert figures(talkative)['false_per_hour_tv'] > 1000


def test_people_who_were_recorded_are_reported_apart():
    items = [Item('a.wav', FOR_ROBOT, 'x', 'command', voice='human:Jo', snr_db=10.0),
             Item('b.wav', FOR_ROBOT, 'y', 'command', voice='human:Jo', snr_db=30.0),
             Item('c.wav', TO_OTHERS, 'z', 'read', voice='human:Flo')]
    said = [[], [final('robot come here')], [final('robot come here')]]
    found = conditions(trial().run(list(zip(items, said))))
    assert (found['missed_human'], found['missed_human_10db'], found['false_human']) == (0.5, 1, 1)
    strangers = [(Item('a.wav', FOR_ROBOT, 'x', 'command', voice='Jo'), [final('robot sit')])]
    assert 'missed_human' not in conditions(trial().run(strangers))


def test_calibration_compares_what_was_said_with_what_was_so():
    items = [(Item(f'{n}.wav', FOR_ROBOT, str(n)), [final('robot come here')]) for n in range(4)]
    bins = calibration(trial().run(items))
    assert len(bins) == 1 and bins[0].count == 4 and bins[0].observed == 1.0
    assert calibration_error(bins) == pytest.approx(1.0 - bins[0].expected)


def test_a_recording_is_heard_by_the_real_ears_and_kept(tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch):
    voice_model, recognise = load.vad('silero'), load.recogniser('moonshine')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    voice = audio_files.read(ASSETS / 'anna_capital.flac')
    quiet = np.zeros(RATE, np.float32)
    audio_files.write(tmp_path / 'a.wav',
                      audio_files.to_int16(np.concatenate([quiet, voice, quiet])))
    first, = Listener(voice_model, recognise).listen(tmp_path / 'a.wav')
    assert ('capital' in first.text.lower() and dict(first.cues)['tilt_db']
            and 0.8 < first.begin < 1.3)
    # nothing is recognised a second time
    again = Listener(voice_model, None).listen(tmp_path / 'a.wav')
    assert [one.text for one in again] == [first.text]
    # but by another recogniser
    other, = Listener(voice_model, lambda samples: 'Other words.', 'other').listen(
        tmp_path / 'a.wav')
    assert other.text == 'Other words.' and other.begin == first.begin


def test_a_set_is_built_again_for_other_code_and_not_for_other_lines_or_explanations():
    code = own_addressee_set._code
    source = 'def f(a,\n      b):\n    """Adds."""\n    return a + b    # both\n'
    assert code(source) == code('def f(a, b):\n    return a + b\n')
    assert code(source) != code(source.replace('+', '-'))


def test_a_trial_decides_when_the_robot_would():
    """After the silence of a clear turn, in the block that completes it."""
    assert DECIDE_S == pytest.approx(TurnParams().end_of_turn_s + BLOCK / RATE)


def test_who_asks_after_others_have_talked_and_a_telephone_are_in_the_development_half_alone():
    kinds = [{scene.name.split('-', 2)[2] for scene in addressee_script.scenes(half)}
             for half in ('development', 'test')]
    assert kinds[0] - kinds[1] == {'discussed', 'after_answer', 'after_answer_on_air',
                                   'announced_on_air'}


def test_a_trial_knows_what_it_is_after_talk_about_the_robot():
    items = [Item(f'{at}.wav', TO_OTHERS, 'kitchen', gap_s=0.5) for at in range(2)]
    said = ['The robot is broken.', 'Is it going to fall?']
    outcomes = Trial(Addressee(AddresseeParams())).run(
        [(item, [final(text)]) for item, text in zip(items, said)])
    assert 'still speaks about it' in dict(outcomes[1].score.evidence)
