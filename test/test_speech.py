"""A stream of tokens becomes sentences as early as possible, and a sentence becomes chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.speech import CHUNK, FIRST_CLAUSE, LONGEST, chunks, sentences, speakable


def cut(*tokens: str) -> list[str]:
    return list(sentences(tokens))


def test_each_sentence_comes_by_itself():
    text = 'It is noon. The sun shines! Is it hot?'
    assert cut(text) == ['It is noon.', 'The sun shines!', 'Is it hot?']


def test_a_sentence_is_out_as_soon_as_the_next_one_begins():
    given_out: list[str] = []

    def stream():
        for token in ('It is', ' noon', '.', ' The'):
            yield token
            given_out.append(token)

    first = next(sentences(stream()))
    assert first == 'It is noon.'
    assert given_out == ['It is', ' noon', '.']          # the space behind the stop was enough


@pytest.mark.parametrize('text', ['It costs 3.14 euros.', 'Dr. Smith met Mrs. Jones.',
                                  'Use e.g. a spoon.', 'J. S. Bach wrote it.',
                                  'Go to example.com now.'])
def test_a_full_stop_inside_of_a_sentence_does_not_end_it(text: str):
    assert cut(text) == [text]
    assert cut(*text) == [text]


def test_the_word_i_may_end_a_sentence():
    assert cut('So do I. You too.') == ['So do I.', 'You too.']


def test_quotes_and_brackets_belong_to_their_sentence():
    text = 'He said "Hi." Then (he left.) Bye.'
    assert cut(text) == ['He said "Hi."', 'Then (he left.)', 'Bye.']


def test_a_long_first_sentence_is_cut_at_a_comma_so_that_sound_starts_earlier():
    text = 'Once upon a time in the woods, there was a bear, and it slept.'
    assert cut(text) == ['Once upon a time in the woods,', 'there was a bear, and it slept.']
    assert len('Once upon a time in the woods,') >= FIRST_CLAUSE


def test_a_short_first_clause_is_not_cut():
    assert cut('Well, it is noon.') == ['Well, it is noon.']


def test_only_the_first_sentence_is_cut_at_a_comma():
    text = 'Yes. Once upon a time in the woods, there was a bear.'
    assert cut(text) == ['Yes.', 'Once upon a time in the woods, there was a bear.']


@pytest.mark.parametrize('text, clauses', [
    ('A magnet is a piece of wire that can attract iron.',
     ['A magnet is a piece of wire', 'that can attract iron.']),
    ('Elephants are large mammals and they live in herds.',
     ['Elephants are large mammals', 'and they live in herds.']),
    ('The sky is blue because of the air.', ['The sky is blue because of the air.']),
    ('It is the android in the band.', ['It is the android in the band.'])])
def test_a_long_first_sentence_is_cut_where_a_speaker_takes_breath(text: str, clauses: list[str]):
    assert cut(text) == clauses
    assert cut(*text) == clauses


def test_a_clause_is_out_before_its_sentence_is():
    def stream():
        yield from ('A magnet is a piece', ' of wire', ' that', ' can')
        raise AssertionError('nobody waits for the end of the sentence')
    assert next(sentences(stream())) == 'A magnet is a piece of wire'


def test_digits_take_long_to_say():
    assert cut('1, 2, 3, 4, 5, 6, 7.') == ['1, 2, 3, 4,', '5, 6, 7.']


def test_two_clauses_are_one_sentence_of_the_limit():
    text = 'A magnet is a piece of wire that can attract iron. It works. It is old.'
    assert list(sentences([text], limit=2)) == [
        'A magnet is a piece of wire', 'that can attract iron.', 'It works.']
    assert list(sentences(text, limit=1))[-1] == 'that can attract iron.'


def test_a_number_with_a_comma_is_not_cut():
    assert cut('There are about a million, or 1,000,000.')[0] == 'There are about a million,'
    text = 'They are 1,000,000 or so.'
    assert cut(text) == [text]


def test_a_new_line_ends_a_sentence():
    assert cut('First\nSecond') == ['First', 'Second']


def test_other_scripts_have_full_stops_too():
    assert cut('你好。再见！') == ['你好。', '再见！']


def test_a_model_that_never_ends_its_sentence_is_cut_at_a_space():
    found = cut(*(['word '] * 100))
    assert all(len(sentence) <= LONGEST for sentence in found)
    assert ' '.join(found) == ' '.join(['word'] * 100)


def test_a_word_without_end_is_cut_anywhere():
    found = cut('x' * 1000)
    assert ''.join(found) == 'x' * 1000
    assert max(map(len, found)) <= LONGEST


@pytest.mark.parametrize('tokens',
                         [(), ('',), (' ', '\n'), ('...',), ('😀',), ('* * *',), ('?! .',)])
def test_what_nobody_can_say_is_no_sentence(tokens: tuple[str, ...]):
    assert cut(*tokens) == []


@pytest.mark.parametrize('text, spoken', [
    ('**Very** *nice*', 'Very nice'), ('see [the page](http://x.y/z)', 'see the page'),
    ('<think>hm</think>', 'hm'), ('# Title', 'Title'), ('a  b\t c', 'a b c'),
    ('so 😀 good', 'so good'), ('`code`', 'code'), ('', ''), ('2 < 3 and 5 > 4', '2 < 3 and 5 > 4'),
    ('if a <b and c> d', 'if a <b and c> d'), ('> quoted', 'quoted'), ('one<br/>two', 'one two'),
    ('<a href="x">here</a>', 'here')])
def test_what_a_voice_cannot_say_is_taken_out(text: str, spoken: str):
    assert speakable(text) == spoken


PROSE = 'It is noon now, and then. Why? Dr. 3.14 I. so! "Yes." wonderful; J. unbelievable'.split()
prose = st.lists(st.sampled_from(PROSE), max_size=20).map(' '.join)


@settings(deadline=None)
@given(prose, st.lists(st.integers(1, 9), min_size=1))
def test_how_the_text_is_cut_into_tokens_makes_no_difference(text: str, sizes: list[int]):
    tokens, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        tokens.append(text[at:at + size])
        at, turn = at + size, turn + 1
    assert cut(*tokens) == cut(text)


@settings(deadline=None)
@given(st.lists(st.text('ab .,!?\n"(-é。', max_size=8), max_size=40))
def test_no_letter_is_lost_or_said_twice(tokens: list[str]):
    said = ''.join(cut(*tokens))
    assert list(filter(str.isalpha, said)) == list(filter(str.isalpha, ''.join(tokens)))


# -- chunks ---------------------------------------------------------------------------------------


def test_a_sentence_becomes_chunks_each_with_the_word_that_it_begins_with():
    sound = np.arange(2 * CHUNK + 10, dtype=np.int16)
    words = [(0, 'It'), (CHUNK - 1, 'is'), (CHUNK, 'high'), (2 * CHUNK + 10, 'noon.')]
    found = list(chunks(sound, words))
    assert [samples.size for samples, _ in found] == [CHUNK - 1, 1, CHUNK, 10]
    assert [text for _, text in found] == ['It', 'is', 'high', 'noon.']


@given(st.integers(0, 5 * CHUNK), st.lists(st.integers(0, 5 * CHUNK), max_size=20))
def test_no_sample_and_no_word_is_lost(size: int, offsets: list[int]):
    sound = np.arange(size).astype(np.int16)
    offsets = sorted(min(offset, size) for offset in offsets)
    words = [(offset, f'w{index}') for index, offset in enumerate(offsets)]
    found = list(chunks(sound, words))
    if size:
        assert np.array_equal(np.concatenate([samples for samples, _ in found]), sound)
        assert ' '.join(text for _, text in found if text).split() == [word for _, word in words]
    assert all(0 < samples.size <= CHUNK for samples, _ in found)
