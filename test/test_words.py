"""Text becomes words, clauses and phrases, in scripts with and without spaces."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.core.words import Phrases, clauses, folded, words


@pytest.mark.parametrize('text, found', [
    ('Hello, World!', ['hello', 'world']), ("That's it.", ["that's", 'it']),
    ('That’s it', ["that's", 'it']), ('mm-hm', ['mm-hm']), ('so - well', ['so', 'well']),
    ('stop--', ['stop']), ("'stop'", ['stop']), ('3 men', ['3', 'men']),
    ('ça va', ['ça', 'va']), ('', []), ('...', []), ('停下来！', ['停', '下', '来']),
    ('OK，停stop', ['ok', '停', 'stop']), ('cafe\u0301', ['café'])])
def test_words_are_lower_case_and_without_punctuation(text: str, found: list[str]) -> None:
    assert words(text) == found


@pytest.mark.parametrize('text, found', [
    ('Arrête !', 'arrete !'), ('Straße', 'strasse'), ('HÖR auf', 'hor auf'), ('ＯＫ！', 'ok!'),
    ('Wait…', 'wait...')])
def test_folding_takes_away_what_recognisers_write_as_they_please(text: str, found: str) -> None:
    assert folded(text) == found


@pytest.mark.parametrize('text, found', [("That's wrong, stop.", [(["that's", 'wrong'], True),
                                                                  (['stop'], False)]),
                                         ('No. Stop!', [(['no'], True), (['stop'], True)]),
                                         ('about - stop', [(['about'], True), (['stop'], False)]),
                                         ('non-stop', [(['non-stop'], True)]),
                                         ('不，停。好', [(['不'], True), (['停'], False), (['好'], True)]),
                                         ('¿Qué? ¡Para!', [(['qué'], True), (['para'], True)]),
                                         ('', []), ('...!', [])])
def test_clauses_end_at_punctuation_and_know_whether_they_begin_a_sentence(text: str,
                                                                           found: list) -> None:
    assert [(part.words, part.opens) for part in clauses(text)] == found


def test_a_phrase_is_known_with_and_without_its_hyphen_and_accents() -> None:
    phrases = Phrases(['tais-toi', 'Ça suffit'])
    assert ['tais-toi'] in phrases and ['tais', 'toi'] in phrases
    assert words(folded('ÇA SUFFIT')) in phrases


def test_an_unfolded_phrase_keeps_its_accents() -> None:
    assert ['él'] in Phrases(['Él'], fold=False) and ['el'] not in Phrases(['Él'], fold=False)


def test_phrases_are_found_at_the_beginning_at_the_end_and_in_between() -> None:
    phrases = Phrases(['be quiet', 'be', 'quiet please'])
    assert list(phrases.at(['be', 'quiet', 'please'], 0)) == [1, 2]
    assert phrases.start(['be', 'quiet', 'now']) == 2 and phrases.start(['now']) == 0
    assert phrases.end(['oh', 'be', 'quiet']) and not phrases.end(['quiet'])
    assert phrases.anywhere(['oh', 'be', 'so']) and not phrases.anywhere(['oh'])


def test_a_text_is_made_of_as_few_phrases_as_possible() -> None:
    phrases = Phrases(['a', 'b', 'a b', 'c'])
    assert phrases.pieces(['a', 'b', 'c']) == 2
    assert phrases.pieces(['a', 'b', 'd']) is None
    assert phrases.pieces([]) == 0 and Phrases().pieces(['a']) is None


def test_phrases_never_change_so_a_copy_is_the_same() -> None:
    phrases = Phrases(['a'])
    assert copy.deepcopy(phrases) is phrases
    assert set((phrases | Phrases(['b c']))) == {('a',), ('b', 'c')} and len(phrases) == 1


@given(st.text(max_size=40))
def test_any_text_at_all_is_taken_apart_without_losing_a_word(text: str) -> None:
    assert [word for part in clauses(text) for word in part.words] == words(text)
    assert words(folded(folded(text))) == words(folded(text))
