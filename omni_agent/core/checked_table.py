"""Reads a parsed file field by field; the only place that words what is wrong with a field.

Every field is asked for by name, with its default and its range. What nobody has asked for is an
error, so that a misspelt key cannot be ignored.
"""

from __future__ import annotations

import difflib
import math
import re
from typing import Sequence, Union

from omni_agent.core.errors import ConfigError

Where = tuple[Union[str, int], ...]     # path to a field: ('lines', 3, 'expect')
Value = object                          # anything a YAML parser can return


class FieldError(ConfigError):
    """One field is wrong; ``where`` is the path to it."""

    def __init__(self, where: Where, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f'{in_words(where)}: {problem}' if where else problem)


_ITEM = {'lines': 'line', 'people': 'person', 'background': 'background sound', 'clips': 'clip'}


def in_words(where: Where) -> str:
    """('lines', 2, 'expect') -> "line 3, 'expect'"."""
    words: list[str] = []
    for step in where:
        if isinstance(step, int):
            words[-1] = f'{_ITEM.get(words[-1], words[-1])} {step + 1}'
        elif words and words[-1] == 'people':
            words[-1] = f"person '{step}'"
        else:
            words.append(step)
    if len(words) > 1 and isinstance(where[-1], str) and where[-2] != 'people':
        words[-1] = f"'{words[-1]}'"
    return ', '.join(words)


class Table:
    """A mapping that hands out checked values and then tells which keys nobody asked for."""

    def __init__(self, data: Value, where: Where) -> None:
        if not isinstance(data, dict):
            raise FieldError(where, f'must be a table of "key: value" lines, not {_kind(data)}')
        self.where = where
        self._data = data
        self._known: list[str] = []

    def _take(self, key: str, required: bool = False) -> Value:
        self._known.append(key)
        value = self._data.get(key)
        if value is None and required:
            guess = self._misspelt(key)
            hint = f": is '{guess}' meant to be it?" if guess else ''
            raise FieldError(self.where, f"'{key}' is missing{hint}")
        return value

    def _misspelt(self, key: str) -> str | None:
        others = [str(k) for k in self._data if k not in self._known]
        return next(iter(difflib.get_close_matches(key, others, 1)), None)

    def text(self, key: str, default: str | None = None, pattern: re.Pattern[str] | None = None,
             like: str = '') -> str:
        value = self._take(key, required=default is None)
        if value is None:
            assert default is not None
            return default
        if not isinstance(value, str) or not value.strip():
            raise FieldError(self.where + (key,), f'must be text, not {_kind(value)}'
                                + (': put it in quotes' if not isinstance(value, str) else ''))
        if pattern and not pattern.fullmatch(value):
            raise FieldError(self.where + (key,), f"'{value}' is not like {like}")
        return value

    def number(self, key: str, default: float | None, low: float, high: float) -> float:
        value = self._take(key, required=default is None)
        if value is None:
            assert default is not None
            return default
        wanted = f'{low:g}' if low == high else f'a number from {low:g} to {high:g}'
        if isinstance(value, bool) or not isinstance(value, (int, float)) \
                or not math.isfinite(value):
            raise FieldError(self.where + (key,), f'must be {wanted}, not {_kind(value)}')
        if not low <= value <= high:
            raise FieldError(self.where + (key,), f'must be {wanted}, not {value:g}')
        return value

    def flag(self, key: str, default: bool) -> bool:
        value = self._take(key)
        if value is not None and not isinstance(value, bool):
            raise FieldError(self.where + (key,), f'must be true or false, not {_kind(value)}')
        return default if value is None else value

    def scalar(self, key: str) -> bool | float | str | None:
        """A finite number, a text, true or false; None where nothing is given."""
        value = self._take(key)
        if value is None or isinstance(value, (bool, str)) or _is_finite(value):
            return value
        raise FieldError(self.where + (key, ),
                         f'must be a number, a text, true or false, not {_kind(value)}')

    def holds_table(self, key: str) -> bool:
        """True if a table stands there, not a single value."""
        return isinstance(self._data.get(key), dict)

    def keys(self) -> list[str]:
        return [str(key) for key in self._data]

    def texts(self, key: str) -> list[Table | str]:
        """A list of texts, some of which may be tables instead."""
        value = self._take(key)
        if value is not None and not isinstance(value, list):
            raise FieldError(self.where + (key, ),
                             f'must be a list ("- " lines), not {_kind(value)}')
        return [item if isinstance(item, str) else Table(item, self.where + (key, index))
                for index, item in enumerate(value or ())]

    def maybe_number(self, key: str, low: float, high: float) -> float | None:
        if self._data.get(key) is None:
            self._known.append(key)
            return None
        return self.number(key, None, low, high)

    def choice(self, key: str, allowed: Sequence[str], default: str | None) -> str:
        value = self.text(key, default)
        if value not in allowed:
            raise FieldError(self.where + (key,), f"'{value}' is not one of {', '.join(allowed)}"
                                + _did_you_mean(value, allowed))
        return value

    def table(self, key: str) -> Table:
        value = self._take(key)
        return Table({} if value is None else value, self.where + (key,))

    def tables(self, key: str, at_least: int = 0) -> list[Table]:
        value = self._take(key, required=at_least > 0)
        if value is None:
            return []
        if not isinstance(value, list):
            raise FieldError(self.where + (key,),
                             f'must be a list ("- " lines), not {_kind(value)}')
        if len(value) < at_least:
            raise FieldError(self.where + (key,), 'is empty: it needs at least one entry')
        return [Table(item, self.where + (key, index)) for index, item in enumerate(value)]

    def named_tables(self, key: str) -> list[tuple[str, Table]]:
        value = self._take(key, required=True)
        table = Table(value, self.where + (key,))
        return [(str(name), Table({} if item is None else item, table.where + (str(name),)))
                for name, item in table._data.items()]

    def finish(self) -> None:
        """Raises for the first key that is not known: a misspelt key must not be ignored."""
        for key in self._data:
            if key not in self._known:
                raise FieldError(self.where + (str(key),), 'is not a field here'
                                    + (_did_you_mean(str(key), self._known)
                                       or f"; there are {', '.join(self._known)}"))


def _is_finite(value: Value) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _did_you_mean(word: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f": did you mean '{close[0]}'?" if close else ''


def _kind(value: Value) -> str:
    if value is None:
        return 'nothing'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, (int, float)):
        return f'the number {value}'
    if isinstance(value, str):
        return f"the text '{value}'" if value.strip() else 'an empty text'
    return 'a list' if isinstance(value, list) else 'a table' if isinstance(value, dict) \
        else repr(value)
