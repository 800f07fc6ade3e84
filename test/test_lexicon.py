"""Stop phrases, nods, noises, unfinished sentences and questions, without a model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language_sentences import CODES, QUESTIONS, ROBOT, mistaken, sentences
from omni_agent.backends import languages
from omni_agent.core.words import folded, words

ENGLISH = languages.lexicon('en')
STOPS = [' '.join(phrase) for phrase in languages.named('en').any_stop]
ALL = languages.lexicon(','.join(('en', 'de', 'es', 'fr', 'zh')))


@pytest.mark.parametrize('code', CODES)
@pytest.mark.parametrize('section', QUESTIONS)
def test_every_development_sentence_is_understood(section: str, code: str) -> None:
    texts = sentences('development', code)[section]
    assert texts and mistaken(languages.lexicon(code), section, texts) == []
    assert mistaken(ALL, section, texts) == []             # also where five languages are spoken


@pytest.mark.parametrize('code', CODES)
def test_of_sentences_that_nothing_was_tuned_on_few_are_misunderstood(code: str) -> None:
    lexicon, held_out = languages.lexicon(code), sentences('held_out', code)
    wrong = {
        section: len(mistaken(lexicon, section, texts))
        for section, texts in held_out.items()
    }
    assert wrong['no_stop'] == 0                           # a false stop loses a reply
    assert wrong['stop'] <= 0.15 * len(held_out['stop'])
    assert sum(wrong.values()) <= 0.08 * sum(map(len, held_out.values())), wrong


@pytest.mark.parametrize('code', CODES)
def test_no_sentence_was_both_used_and_held_out(code: str) -> None:
    used = {text.lower() for texts in sentences('development', code).values() for text in texts}
    for section in ('stop', 'no_stop'):
        assert not used & {text.lower() for text in sentences('held_out', code)[section]}


# -- being told to be silent ----------------------------------------------------------------------


@given(st.sampled_from(sorted(STOPS)), st.sampled_from(['', 'please', 'okay', 'hey robot', 'mm']),
       st.sampled_from(['', '.', '!', '...', ' -']))
def test_every_stop_phrase_works_politely_and_with_any_punctuation(
        phrase: str, before: str, after: str) -> None:
    assert ENGLISH.is_stop(f'{before} {phrase.capitalize()}{after}', ROBOT)


def test_a_stop_may_call_the_robot_by_its_name() -> None:
    assert ENGLISH.is_stop('Rosie, stop!', frozenset({'rosie'}))
    assert ENGLISH.is_stop('stop it, Rosie', frozenset({'rosie'}))
    assert not ENGLISH.is_stop('Rosie stop')
    assert not ENGLISH.is_stop('Rosie!', frozenset({'rosie'}))


@pytest.mark.parametrize('partial', ['Stop', 'stop', 'Wait', 'Hold on', 'Be quiet'])
def test_what_begins_with_a_stop_phrase_counts_before_it_is_known_how_it_goes_on(
        partial: str) -> None:
    assert ENGLISH.is_stop(partial)


@pytest.mark.parametrize('partials',
                         [('the', 'the bus', 'the bus stop'), ("don't", "don't stop"),
                          ('we had', 'we had to', 'we had to stop'),
                          ('I', "I can't", "I can't wait"),
                          ('when does', 'when does the music', 'when does the music stop')])
def test_a_stop_word_inside_a_sentence_never_counts_while_it_is_being_said(
        partials: tuple[str, ...]) -> None:
    assert not any(ENGLISH.is_stop(partial) for partial in partials)


@pytest.mark.parametrize('text', ['Stop, what is the time?', 'Stop! Tell me about cats instead.',
                                  'No, wait, what was that?', 'Okay, stop. Who was he?'])
def test_a_stop_with_something_to_answer_after_it_is_not_all_that_was_said(text: str) -> None:
    assert ENGLISH.opens_with_stop(text) and not ENGLISH.is_stop(text)


@pytest.mark.parametrize('text',
                         ['Stop signs are red.', 'Well, what is it?', 'Stop', 'The bus, stop', ''])
def test_what_does_not_begin_with_a_stop_of_its_own_does_not_open_with_one(text: str) -> None:
    assert not ENGLISH.opens_with_stop(text)


def test_a_quoted_stop_asks_for_nothing_but_one_of_ones_own_does() -> None:
    assert not ENGLISH.is_stop('The sign says, stop.')
    assert ENGLISH.is_stop('I just said, stop.')
    assert ENGLISH.is_stop('That is what the sign said. Stop.')


@pytest.mark.parametrize('text',
                         ['Stopp!', 'Hör auf!', 'Arrête !', '¡Cállate!', '停！', '别说了。', 'shut up'])
@pytest.mark.parametrize('code', CODES)
def test_the_plainest_stops_of_all_languages_are_obeyed_whatever_is_spoken(code: str,
                                                                           text: str) -> None:
    assert languages.lexicon(code).is_stop(text)


def test_a_stop_that_is_an_ordinary_word_elsewhere_counts_only_where_it_is_spoken() -> None:
    assert languages.lexicon('de').is_stop('Still!') and not ENGLISH.is_stop('Still')
    assert languages.lexicon('es').is_stop('Para.') and not ENGLISH.is_stop('Para.')


@pytest.mark.parametrize('code', CODES)
@pytest.mark.parametrize('other', CODES)
def test_what_is_a_stop_everywhere_is_a_nod_noise_or_word_of_no_language(other: str,
                                                                         code: str) -> None:
    language = languages.named(code)
    for phrase in languages.named(other).stop_everywhere:
        for common in (language.nods, language.noises, language.trailing):
            assert phrase not in common, phrase


# -- listening ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    'text', ['Haha', 'hahaha', 'Ahahah', 'hehehe', 'ha ha', 'ha ha ha ha ha ha', 'hehe, yeah'])
def test_laughter_is_a_nod(text: str) -> None:
    assert ENGLISH.is_nod(text)


@pytest.mark.parametrize('text',
                         ['he has', 'hi', 'hello', 'he said so', 'yeah yeah yeah yeah yeah'])
def test_what_only_looks_like_laughter_or_listening_is_none(text: str) -> None:
    assert not ENGLISH.is_nod(text)


@pytest.mark.parametrize('text', ['', 'Hm.', 'you', 'Cough', '...'])
def test_noise_is_what_a_cough_is_written_as(text: str) -> None:
    assert ENGLISH.is_noise(text) and ENGLISH.is_nod(text)


@pytest.mark.parametrize('text', ['yes', 'okay', 'yeah', 'no', 'I see'])
def test_an_answer_is_no_noise(text: str) -> None:
    assert not ENGLISH.is_noise(text)


@pytest.mark.parametrize('text, count', [
    ('', 0), ('mm-hm yeah', 0), ('yeah tell me', 2), ('Wait!', 1), ('okay what is it', 3),
    ('I see a bear', 4), ('White white', 1)])
def test_nods_are_no_news(text: str, count: int) -> None:
    assert ENGLISH.news(text) == count


@pytest.mark.parametrize('text, count', [('嗯', 0), ('嗯，对', 0), ('好的，明天呢', 2), ('你好', 1),
                                         ('哈哈哈', 0)])
def test_two_chinese_characters_are_a_word_of_news(text: str, count: int) -> None:
    assert languages.lexicon('zh').news(text) == count


# -- turns ----------------------------------------------------------------------------------------


def test_an_accent_tells_an_answer_from_an_unfinished_sentence() -> None:
    spanish = languages.lexicon('es')
    assert spanish.is_trailing('Si') and not spanish.is_trailing('Sí.')


def test_the_language_of_an_utterance_decides_what_it_lacks() -> None:
    both = languages.lexicon('en,de')
    assert both.is_trailing('Erzähl mir etwas über die')      # 'die' is no German verb
    assert not both.is_trailing('Plants that get no water die')


def test_a_question_is_only_complete_with_its_question_mark() -> None:
    assert ENGLISH.is_complete_question('What time is it?')
    assert not ENGLISH.is_complete_question('what time is it')
    assert ENGLISH.is_complete_question('I see. And who was that?')
    assert not ENGLISH.is_complete_question('Who was that? Tell me the')


@settings(deadline=None)
@given(st.text(max_size=30))
def test_any_text_at_all_has_an_answer(text: str) -> None:
    for judge in (ALL.is_stop, ALL.opens_with_stop, ALL.is_nod, ALL.is_noise, ALL.is_trailing,
                  ALL.is_complete_question, ALL.wants_yes_or_no):
        assert judge(text) in (True, False)
    assert 0 <= ALL.news(text) <= len(words(folded(text)))
    assert not (ALL.is_stop(text) and ALL.is_nod(text) and not ALL.is_noise(text))
