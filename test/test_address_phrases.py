"""What the words tell as a whole: phrases, their file, and the sentences that they come from."""

from __future__ import annotations

import csv
import json
import math
import sys
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.backends import addressee_model, addressee_script, recorded_people
from omni_agent.core.address_phrases import LONGEST, Phrases, parse, phrases, share_of_one, tokens
from omni_agent.core.addressee import Addressee, AddresseeParams, Situation
from omni_agent.core.errors import ConfigError
from omni_agent.core.judgement import WHOLE, WHOLE_SCALE, Judgement, group_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

import fit_phrases  # noqa: E402

ROBOT = frozenset({'robot'})
SHIPPED = addressee_model.phrases()
QUIET = (('silence_s', 10.0), ('talk_share', 0.1))


def words(text: str, names: frozenset[str] = ROBOT) -> list[str]:
    return [one.word for one in tokens(text, names)]


def odds(text: str) -> float:
    found = fit_phrases.odds(SHIPPED, text)
    assert found is not None
    return found


@pytest.mark.parametrize('one, other', [
    ("What's that?", 'What is that?'), ("I don't know", 'I do not know'),
    ("We'll see", 'We will see'), ('Let’s go', 'let us go'), ("can't", 'cannot'),
    ('Wake me at 7', 'Wake me at seven'), ('It is over.', "it's over")])
def test_recognisers_may_write_a_word_short_or_long(one: str, other: str):
    assert words(one) == words(other)


def test_the_robot_is_the_robot_whatever_it_is_called():
    assert words('Ada, wait', frozenset({'ada'})) == words('Robot, wait')
    assert words('Ada, wait') != words('Robot, wait')


def test_a_name_is_what_has_a_capital_inside_of_a_sentence():
    found = tokens('Give it to Zoltan. Nobody saw Zoltan, I think.', ROBOT)
    assert [one.word for one in found if one.name] == ['zoltan', 'zoltan']
    known = frozenset('give it to'.split())
    assert phrases(found[:4], known)[3] == '<name>'
    assert '<rare>' in phrases(tokens('give it to zoltan', ROBOT), known)


@given(st.text(max_size=60), st.sets(st.sampled_from('a b the robot what ?'.split())))
def test_phrases_are_of_a_few_words_and_each_counts_once(text: str, known: set[str]):
    found = phrases(tokens(text, ROBOT), known)
    assert len(found) == len(set(found))
    assert all(1 <= len(one.split()) <= LONGEST for one in found)


def test_a_long_utterance_is_one_piece_of_evidence_and_not_thirty():
    assert share_of_one(2) == share_of_one(4) > share_of_one(9) > share_of_one(100)
    assert 100 * share_of_one(100) / (4 * share_of_one(4)) == pytest.approx(5.0)


def test_weights_of_phrases_and_of_signs_add_up():
    found = Phrases(0.5, {'stop': 1.0, '<': 9.0, '< stop >': 2.0}, {'a command': 0.25})
    # 'stop', '< stop', 'stop >', '< stop >'
    assert found.log_odds('Stop', ('a command', 'unheard of'), ROBOT) == pytest.approx(
        0.5 + 1.5 * 3.0 + 0.25)


@pytest.mark.parametrize('text', ['', '...', '?!', '你好'])
def test_without_a_word_nothing_is_known_and_that_is_not_zero(text: str):
    assert fit_phrases.odds(SHIPPED, text) is None
    addressee = Addressee(AddresseeParams(), addressee_model.load())
    assert WHOLE not in dict(addressee.score(text, Situation(cues=QUIET)).evidence)


def test_its_share_is_seen_is_bounded_and_belongs_to_the_words():
    whole = Judgement(0.0, {WHOLE: 1.0}, Phrases(0.0, {'stop': 99.0, 'go': WHOLE_SCALE / 1.5}, {}))
    addressee = Addressee(AddresseeParams(), whole)

    def share(text: str) -> float:
        return dict(addressee.score(text, Situation(cues=QUIET)).evidence)[WHOLE]
    assert share('stop') == 2.0
    assert share('go') == pytest.approx(1.0)
    assert group_of(WHOLE) == 'words'


def test_without_phrases_it_is_missing():
    score = Addressee(AddresseeParams(), Judgement(0.0, {WHOLE: 1.0})).score(
        'stop', Situation(cues=QUIET))
    assert WHOLE not in dict(score.evidence)


def test_who_asks_people_about_their_life_does_not_ask_the_robot_about_the_world():
    for robot, people in (('What is the currency of Norway?', 'What is your mother like?'),
                          ('Turn the lamp off.', 'I turned the lamp off after she left.'),
                          ('Could you bring me a fork?', 'Could you lend me your car, Bert?'),
                          ('Set an alarm for five.', 'Oh no, the alarm never went off.'),
                          ('Play some old songs.', 'We played cards with them.')):
        assert odds(robot) > 0 > odds(people), (robot, people)


def test_an_opinion_that_counts_nothing_is_not_waited_for():
    even = Situation(cues=QUIET)
    for weight, decisive in ((0.0, True), (0.5, False)):
        addressee = Addressee(AddresseeParams(), Judgement(0.0, {'language model': weight}))
        assert addressee.score('blue', even).decisive is decisive


def test_weights_of_phrases_that_are_none_are_refused_and_say_what_to_do():
    good = json.loads((addressee_model.share_dir() / 'config' / 'addressee'
                       / 'phrases.json').read_text(encoding='utf-8'))
    for broken in ({'version': 2}, {'bias': 'much'}, {'signs': {'a sing': 1.0}},
                   {'phrases': {'stop': math.inf}}, {'phrases': []}, {'more': 1}):
        with pytest.raises(ConfigError, match='fit_phrases'):
            parse(json.dumps({**good, **broken}))
    with pytest.raises(ConfigError, match='fit_phrases'):
        parse('{')


# -- the sentences --------------------------------------------------------------------------------


def test_what_is_shipped_is_what_the_sentences_give():
    found = fit_phrases.fit([*fit_phrases.written(), *fit_phrases.heard()])
    for one in Random(1).sample(fit_phrases.written(), 200):
        again = fit_phrases.odds(found, one.text)
        assert again == pytest.approx(odds(one.text), abs=0.35), one.text


def test_what_was_heard_was_said_in_a_sentence_that_was_written():
    known = {(one.text, one.real) for one in fit_phrases.written()}
    path = addressee_model.share_dir() / 'scenarios' / 'addressee' / 'heard_sentences.csv'
    with path.open(encoding='utf-8', newline='') as lines:
        table = list(csv.DictReader(lines))
    assert len(table) > 500
    assert {(row['said'], row['for'] == 'robot') for row in table} <= known


def test_a_sentence_and_what_was_heard_of_it_are_left_out_together():
    one = fit_phrases.Sentence('Lower the seat.', True, 'Lower the seat.')
    other = fit_phrases.Sentence('Lord of the sea.', True, 'Lower the seat.')
    assert one.fold == other.fold
    assert len({each.fold for each in fit_phrases.written()}) == fit_phrases.FOLDS


def test_no_test_sentence_and_no_four_words_of_one_in_a_row_are_in_the_sentences():
    test = addressee_script.texts('test')
    spoken = [*strings([test['for'], test['other']]),
              *(line.text for line in recorded_people.recordings('test'))]
    runs = {run for text in spoken for run in runs_of(text)}
    more = addressee_script.texts('sentences')
    mine = list(strings(more))
    assert len(mine) > 3000
    exact = {tuple(words(text)) for text in spoken}
    assert [text for text in mine if tuple(words(text)) in exact] == []
    assert [text for text in mine if runs_of(text) & runs] == []


def runs_of(text: str) -> set[tuple[str, ...]]:
    said = [word for word in words(text) if word[0].isalnum() or word == '#']
    return {tuple(said[at:at + 4]) for at in range(len(said) - 3)}


def strings(found: object) -> list[str]:
    if isinstance(found, str):
        return [found]
    parts = list(found.values()) if isinstance(found, dict) else found
    return [text for part in parts for text in strings(part)]
