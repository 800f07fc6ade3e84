"""How much people say: quantities in words and digits, brought to one unit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_agent.core.skill_words import plain, quantities, tokens


def longest(text: str, unit: str) -> float | None:
    """The value of a text that is a quantity from its first to its last word."""
    said = [token.text for token in tokens(plain(text))]
    return next((value for end, value in quantities(said, 0, unit) if end == len(said)), None)


@pytest.mark.parametrize('text, metres', [('half a metre', 0.5), ('half a meter', 0.5),
                                          ('a half meter', 0.5), ('one metre', 1.0),
                                          ('a metre', 1.0), ('a metre and a half', 1.5),
                                          ('one and a half metres', 1.5),
                                          ('two and a quarter meters', 2.25), ('0.5 m', 0.5),
                                          ('1,5 m', 1.5), ('50 cm', 0.5), ('50cm', 0.5),
                                          ('fifty centimetres', 0.5), ('two feet', 0.6096),
                                          ('2 feet', 0.6096), ('a foot', 0.3048),
                                          ('six inches', 0.1524), ('a yard', 0.9144),
                                          ('three quarters of a metre', 0.75),
                                          ('zero point five metres', 0.5),
                                          ('two point two five metres', 2.25),
                                          ('a hundred and twenty centimetres', 1.2),
                                          ('one hundred twenty centimetres', 1.2),
                                          ('twenty-five centimetres', 0.25),
                                          ('about two metres', 2.0),
                                          ('a quarter of a meter', 0.25),
                                          ('a couple of metres', 2.0), ('two meters', 2.0),
                                          ('２ metres', 2.0)])
def test_a_distance_is_understood_however_it_is_said(text: str, metres: float) -> None:
    assert longest(text, 'm') == pytest.approx(metres)


@pytest.mark.parametrize('text, unit, value', [('ninety degrees', 'deg', 90.0),
                                               ('90°', 'deg', 90.0), ('ninety', 'deg', 90.0),
                                               ('a quarter turn', 'deg', 90.0),
                                               ('half a turn', 'deg', 180.0),
                                               ('one hundred and eighty degrees', 'deg', 180.0),
                                               ('three sixty', 'deg', None),
                                               ('forty five degrees', 'deg', 45.0),
                                               ('two seconds', 's', 2.0),
                                               ('a minute and a half', 's', 90.0),
                                               ('half a minute', 's', 30.0),
                                               ('fifty percent', '%', 50.0), ('70%', '%', 70.0),
                                               ('seventy', '%', 70.0),
                                               ('0.3 metres per second', 'm/s', 0.3),
                                               ('twenty centimeters per second', 'm/s', 0.2)])
def test_angles_times_shares_and_speeds_are_understood(text: str, unit: str,
                                                       value: float | None) -> None:
    assert longest(text, unit) == (None if value is None else pytest.approx(value))


@pytest.mark.parametrize('text, unit', [('two seconds', 'm'), ('two metres', 's'), ('two', 'm'),
                                        ('metres', 'm'), ('ninety percent', 'deg'), ('', 'm'),
                                        ('half', 's'), ('two litres', 'm')])
def test_what_has_another_unit_or_none_is_no_such_quantity(text: str, unit: str) -> None:
    assert longest(text, unit) is None


def test_a_lone_number_counts_only_where_nobody_says_the_unit() -> None:
    assert longest('fifty', '%') == 50.0 and longest('fifty', 'm') is None


@settings(deadline=None)
@given(st.integers(0, 999))
def test_every_number_below_a_thousand_is_read_from_its_words(number: int) -> None:
    ones = (
        'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen '
        'fifteen sixteen '
        'seventeen eighteen nineteen').split()
    tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split()

    def below_hundred(value: int) -> str:
        if value < 20:
            return ones[value]
        return tens[value // 10 - 2] + (f'-{ones[value % 10]}' if value % 10 else '')
    said = below_hundred(number) if number < 100 else f'{ones[number // 100]} hundred' + (
        f' and {below_hundred(number % 100)}' if number % 100 else '')
    assert longest(said + ' degrees', 'deg') == number


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_is_read_without_an_error(text: str) -> None:
    said = [token.text for token in tokens(plain(text))]
    for at in range(len(said)):
        for end, value in quantities(said, at, 'm'):
            assert at < end <= len(said) and value >= 0


def test_what_cannot_be_seen_does_not_split_a_word() -> None:
    assert plain('go\u200b to\u00a0the\u2028kit\u00adchen\x00') == 'go to the kitchen'
    assert plain('ｇｏ ｔｏ') == 'go to'
