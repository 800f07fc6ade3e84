"""Questions about the past: which they are, what is looked for, and what the language model reads
of the answer.
"""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.backends.experience_words import DEVELOPMENT
from omni_agent.core import past_time, recollection
from omni_agent.core.past import PERSON, ROBOT, Kind, Moment, clipped
from omni_agent.core.past_time import Clock, Span
from omni_agent.core.question import Order, Query, Relation, query
from omni_agent.core.recollection import Candidate, Wording
from omni_agent.core.terms import content, terms

UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 5, 6, 15, 30, tzinfo=UTC).timestamp()          # a Wednesday
CLOCK = Clock(NOW, NOW - 7200.0, UTC)
PEOPLE = ('Anna', 'Ben')
MINUTE, HOUR = 60.0, 3600.0


@pytest.mark.parametrize('text', [
    *DEVELOPMENT.others, '', '?', 'Stop.', 'Yes.', 'What did you mean?',
    'Tell me a story about what a knight did.', 'What do you do when it rains?',
    'Do you stop when I speak?', 'Ben put the cup on the table.'
])
def test_what_is_not_about_the_past_asks_nothing_or_only_for_all_of_its_words(text: str):
    found = query(text, CLOCK, PEOPLE)
    assert found is None or not found.sure and found.terms


@pytest.mark.parametrize('text', [
    'What did Anna say about the invoice?', 'what was on the table when the phone rang',
    'Who was here this morning?', 'When did you last see Ben?', 'Where did I put my keys?',
    'Do you remember what I said?', 'What did you hear?', 'Tell me what you saw ten minutes ago.',
    'Can you tell me where I put the keys?', 'Did anybody come in?'
])
def test_what_was_lived_through_here_is_asked_for_without_doubt(text: str):
    found = query(text, CLOCK, PEOPLE)
    assert found is not None and found.sure


def test_a_world_question_in_the_past_is_only_answered_by_a_memory_that_has_all_of_it():
    found = query('Who invented the telephone?', CLOCK)
    assert found is not None and not found.sure
    one = Candidate(1, Moment(NOW, Kind.SAID, 'the phone is broken'), ('phon', 'break'), 1, 0, 0.5)
    assert recollection.rank([one], found, Wording({'invent': 3.0, 'phon': 1.0})) == []


@pytest.mark.parametrize('text, start, end',
                         [('ten minutes ago', -11.5, -8.5), ('half an hour ago', -34.5, -25.5),
                          ('an hour and a half ago', -103.5, -76.5),
                          ('one and a half hours ago', -103.5, -76.5),
                          ('in the last five minutes', -5, 0), ('in minute 2', -119, -117),
                          ('two minutes after we started', -119, -117),
                          ("at three o'clock", -40, -20), ('at 2 pm', -100, -80),
                          ('at half past two', -70, -50), ('this morning', -630, -210),
                          ('yesterday', -2370, -930), ('yesterday evening', -1350, -930),
                          ('at the beginning', -120, -114), ('just now', -2, 0),
                          ('two days ago', -3810, -2370), ('on monday', -3810, -2370),
                          ('in the first ten minutes', -120, -110),
                          ('twenty-five minutes ago', -28.75, -21.25)])
def test_times_in_words_become_spans(text: str, start: float, end: float):
    found, rest = past_time.find(f'what did you see {text}', CLOCK)
    assert rest == 'what did you see'
    assert (((found.start - NOW) / 60, (found.end - NOW) / 60) == (pytest.approx(start),
                                                                   pytest.approx(end)))


@pytest.mark.parametrize('text',
                         ['at one of them', 'second to none', 'two of the cups', 'in the kitchen'])
def test_numbers_that_are_no_times_stay_words(text: str):
    assert past_time.find(text, CLOCK) == (None, text)


def test_two_times_are_where_both_are_true():
    found, _ = past_time.find("what happened this morning at nine o'clock", CLOCK)
    assert found == Span(CLOCK.day(0, 9) - 600, CLOCK.day(0, 9) + 600, CLOCK.day(0, 9))


@pytest.mark.parametrize('text', ['What was on the table when the phone rang?',
                                  'When the phone rang, what was on the table?'])
def test_something_heard_says_when_something_was_seen(text: str):
    found = query(text, CLOCK, PEOPLE)
    assert found.kinds == (Kind.SEEN,) and found.terms == ('tabl',)
    assert found.anchor.terms == ('phon', 'ring') and found.anchor.kinds == (Kind.HEARD,)


def test_what_was_said_after_somebody_left_lies_after_it_was_seen():
    found = query('What did Ben say after Anna left?', CLOCK, PEOPLE)
    assert (found.kinds, found.person) == ((Kind.SAID,), 'Ben')
    assert ((found.anchor.relation, found.anchor.kinds,
             found.anchor.person) == (Relation.AFTER, (Kind.SEEN, ), 'Anna'))


def test_when_did_is_a_question_and_no_anchor():
    found = query('When did the phone ring?', CLOCK, PEOPLE)
    assert found.anchor is None and found.terms == ('phon', 'ring')


@pytest.mark.parametrize('text, person',
                         [('What did I tell you?', PERSON),
                          ('What did you say about the train?', ROBOT),
                          ('What did Anna say?', 'Anna'),
                          ('What did I tell Anna about the train?', PERSON),
                          ("Do you remember what Ben said about Anna's train?", 'Ben'),
                          ('When did you last see Ben?', 'Ben')])
def test_who_said_it_is_told_from_who_asks_and_who_is_spoken_of(text: str, person: str):
    assert query(text, CLOCK, PEOPLE).person == person


def test_the_first_and_the_last_are_told_apart():
    assert query('When did you last see Ben?', CLOCK, PEOPLE).order is Order.LAST
    assert query('What was the first thing Ben said?', CLOCK, PEOPLE).order is Order.FIRST


@given(st.text(max_size=60), st.floats(0, 4e9), st.floats(0, 1e6))
def test_no_text_is_too_strange(text: str, now: float, age: float):
    found = query(text, Clock(now, now - age, UTC), PEOPLE)
    assert found is None or found.span is None or found.span.start <= found.span.end


PIECES = ('what', 'when', 'did', 'you', 'see', 'the', 'phone', 'rang', 'ten', 'minutes', 'ago',
          'at', 'half', 'past', 'Anna', 'said', 'before', 'yesterday', 'morning', 'last', 'in',
          'first', 'hour', ',', '?', "o'clock", '99', 'monday', 'on')


@given(st.lists(st.sampled_from(PIECES), max_size=14))
def test_no_order_of_words_is_too_strange(pieces: list[str]):
    found = query(' '.join(pieces), CLOCK, PEOPLE)
    assert found is None or found.span is None or found.span.start <= found.span.end


def test_a_word_is_found_in_its_other_forms():
    assert terms('The phones were ringing') == terms('a telephone rang') == ['phon', 'ring']
    assert terms('Knives, dropped!') == ['knif', 'drop'] and terms('桌子') == ['桌', '子']
    assert content('What did Anna say about the invoice?') == ['anna', 'invoic']


@given(st.text(max_size=80))
def test_a_term_is_letters_and_digits_only_so_that_every_index_can_hold_it(text: str):
    assert all(term and all(char.isalnum() for char in term) for term in terms(text))


# -- ranking and lines ----------------------------------------------------------------------------

def candidate(number: int, t: float, text: str, kind: Kind = Kind.SEEN, who: tuple[str, ...] = (),
              cosine: float | None = None) -> Candidate:
    return Candidate(number, Moment(t, kind, text, who), tuple(terms(text)), number, 0, 0.5,
                     cosine)


def test_the_nearest_to_the_time_that_was_meant_comes_first():
    asked = query('What did you see ten minutes ago?', CLOCK)
    near, far = candidate(1, NOW - 605, 'a cup'), candidate(2, NOW - 660, 'a plate')
    assert [one.candidate.id for one in recollection.rank([far, near], asked, Wording())] == [1, 2]


def test_what_was_not_said_by_the_person_asked_for_is_no_answer():
    asked = query('What did Anna say about the train?', CLOCK, PEOPLE)
    lines = [candidate(1, NOW - 60, 'the train is late', Kind.SAID, ('Ben',)),
             candidate(2, NOW - 90, 'trains are loud', Kind.SAID, ('Anna',))]
    assert ([one.candidate.id
             for one in recollection.rank(lines, asked, Wording({'train': 1.0}))] == [2])


def test_of_equal_ones_the_last_answers_when_the_last_is_asked_for():
    lines = [
        candidate(number, NOW - 100 * number, 'Ben in the hall', Kind.SEEN, ('Ben', ))
        for number in (3, 1, 2)
    ]
    for text, best in (('When did you last see Ben?', 1), ('When did you first see Ben?', 3)):
        assert (recollection.rank(lines, query(text, CLOCK, PEOPLE),
                                  Wording())[0].candidate.id == best)


def test_a_likeness_answers_where_no_word_does():
    asked = query('Did you see a feline?', CLOCK)
    cat, dog = candidate(1, NOW - 60, 'a cat',
                         cosine=0.6), candidate(2, NOW - 60, 'a dog', cosine=0.05)
    assert ([
        one.candidate.id for one in recollection.rank([dog, cat], asked, Wording({'felin': 5.0}))
    ] == [1])


@given(
    st.lists(st.tuples(st.floats(0, 9e5), st.sampled_from(Kind), st.text(max_size=300)),
             max_size=12))
def test_the_prompt_gets_three_short_lines_with_ages_at_most(moments: list[tuple[float, Kind,
                                                                                 str]]):
    found = [Moment(NOW - age, kind, text, ('Anna',)) for age, kind, text in moments]
    groups = [found[index:index + 3] for index in range(0, len(found), 3)]
    lines = recollection.lines(groups, NOW)
    assert len(lines) <= 3 and bool(lines) == bool(found)
    for line in lines:
        assert len(line) < recollection.LONGEST_LINE + 60 and line.count('"') in (0, 2)
        assert line.startswith(('About', 'Just now', 'Two', 'Three', 'Four', 'Five', 'Six',
                                'Seven', 'Eight', 'Nine', 'Ten', 'Eleven'))


def test_ages_are_as_rough_as_people_are():
    assert ([past_time.age(one)
             for one in (10, 70, 600, 1750, 3500, 5500, 7500, 90000, 200000)] == [
                 'just now', 'about a minute ago', 'about ten minutes ago',
                 'about half an hour ago', 'about an hour ago', 'about an hour and a half ago',
                 'about two hours ago', 'about a day ago', 'two days ago'
             ])


def test_a_speaker_without_a_name_is_somebody_and_the_robot_is_you():
    said = Moment(NOW - 600, Kind.SAID, 'He said "wait".', (PERSON,))
    assert (recollection.line(said,
                              NOW) == 'About ten minutes ago somebody said: "He said \'wait\'."')
    assert 'you said' in recollection.line(Moment(NOW, Kind.SAID, 'Hello.', (ROBOT,)), NOW)


def test_a_long_text_keeps_its_beginning_and_its_end():
    short = clipped('begin ' + 'x' * 2000 + ' end')
    assert len(short) <= 500 and short.startswith('begin') and short.endswith('end')


def test_a_query_with_nothing_to_go_by_asks_for_everything_of_its_kind():
    assert query('What did you hear?', CLOCK) == Query((), (Kind.HEARD,))
