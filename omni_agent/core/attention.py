"""When the robot listens at all, and what it learnt from being told that it erred: modes, a window
after a contact, and corrections that move the threshold a little, for a person and for a place.

Pure data: times are arguments. Everything that was learnt can be read and is forgotten by one
call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Mapping

from .address_words import called
from .addressee import Score, Verdict
from .params import check, param
from .words import words

MODES = ('open', 'attentive', 'name_only', 'push_to_talk')
HERE = ''                # the key of what was learnt for the place, whoever speaks
NOT_YOU = ("i wasn't talking to you", 'i was not talking to you', "i'm not talking to you",
           'i am not talking to you', "i didn't mean you", 'i did not mean you',
           "that wasn't for you", 'that was not for you', "i wasn't asking you",
           'i was not asking you', "we weren't talking to you", 'we were not talking to you',
           'not you')
TO_YOU = ('i was talking to you', "i'm talking to you", 'i am talking to you', 'i meant you',
          'i asked you', 'yes you')
# What is said to switch, after the name or alone; a sentence that holds more is none
SWITCHES: Mapping[str, tuple[str, ...]] = {
    'name_only': ('only listen to your name', 'listen only to your name',
                  'only answer to your name', 'wait until i call you', 'only when i call you'),
    'attentive': ('listen when i look at you', 'only when i look at you',
                  'wait until i look at you'),
    'open': ('listen to everything', 'you can listen again', 'listen again',
             'answer without your name', 'listen to me again'),
    'push_to_talk': ('only listen when i press the button', 'do not listen', "don't listen",
                     'stop listening')
}
AROUND = frozenset('robot please okay ok hey now from then on so and'.split())
FORBIDDEN = 20.0         # [log odds]
# share of words that make a question the repetition of one that was ignored
SAME = 0.6


class Mode(Enum):
    """Names of the parameter's values."""

    OPEN = 'open'                    # whatever seems to be for it
    ATTENTIVE = 'attentive'          # after a look or its name, and while that lasts
    NAME_ONLY = 'name_only'
    PUSH_TO_TALK = 'push_to_talk'    # while the button is held; typed words always count


@dataclass(frozen=True)
class AttentionParams:
    """When to listen, and how much corrections move."""

    mode: str = param(
        'open',
        'when it listens: open, attentive (after a look or its name), name_only, or push_to_talk',
        choices=MODES)
    window_s: float = param(
        12.0, 'how long it stays attentive after a look, its name, or its own words [s]', 1.0,
        120.0)
    look: float = param(0.6, 'from which a face counts as looking at it', 0.0, 1.0)
    step: float = param(
        0.5, 'how far one correction moves the score [log odds]; 0 = it learns nothing', 0.0, 2.0)
    bound: float = param(
        1.5, 'how far all corrections together move it, for a person and for the place [log odds]',
        0.0, 4.0)
    repeat_s: float = param(15.0, 'a question that is repeated within this time was ignored [s]',
                            1.0, 60.0)


@dataclass(frozen=True)
class Learnt:
    """The shift of one person or of the place, and what made it."""

    shift: float                     # [log odds], positive: it answers sooner
    corrections: int


@dataclass(frozen=True)
class _Said:
    t: float
    text: str
    person: str
    answered: bool


@dataclass
class Attention:
    """Holds the mode, the window and what was learnt. ``step`` through its calls in the order of
    time.
    """

    params: AttentionParams = field(default_factory=AttentionParams)
    _names: frozenset[str] = frozenset({'robot'})
    mode: Mode = Mode.OPEN
    _contact_s: float = -math.inf
    _held: bool = False
    _learnt: dict[str, Learnt] = field(default_factory=dict)
    _last: _Said | None = None

    @classmethod
    def begin(cls, params: AttentionParams,
              names: frozenset[str] = frozenset({'robot'})) -> Attention:
        """In the mode of the parameters."""
        return cls(check(params), names, Mode(params.mode))

    # -- modes ------------------------------------------------------------------------------------

    def switch(self, mode: Mode) -> None:
        """By a topic, a parameter, or a word."""
        self.mode, self._contact_s = mode, -math.inf

    def wanted(self, text: str) -> Mode | None:
        """The mode that these words, said to the robot, ask for."""
        spoken = words(text)
        own = {word for name in self._names for word in name.split()}
        core = ' '.join(spoken)
        for mode, phrases in SWITCHES.items():
            for phrase in phrases:
                if phrase in core:
                    rest = core.replace(phrase, ' ', 1).split()
                    if all(word in AROUND | own for word in rest):
                        return Mode(mode)
        return None

    def button(self, held: bool) -> None:
        """Push to talk."""
        self._held = held

    def looked_at(self, looks_here: float, t: float) -> None:
        """A face; the surest one there is."""
        if looks_here >= self.params.look:
            self._contact_s = max(self._contact_s, t)

    def contact(self, t: float) -> None:
        """Its name was called, it spoke itself, or it answered."""
        self._contact_s = max(self._contact_s, t)

    def shift_clock(self, by_s: float) -> None:
        """Somebody set it."""
        self._contact_s += by_s
        self._last = None

    def listens(self, text: str, t: float) -> bool:
        """Whether words that began at ``t`` may be for it at all."""
        if self.mode is Mode.OPEN:
            return True
        if self.mode is Mode.PUSH_TO_TALK:
            return self._held
        if called(text, self._names) == 'calls':
            return True
        return self.mode is Mode.ATTENTIVE and t - self._contact_s <= self.params.window_s

    def admit(self, score: Score, text: str, t: float) -> Score:
        """The same score, or one that says that the mode forbids it: published as evidence like
        any other.
        """
        if self.listens(text, t):
            return score
        evidence = (*score.evidence, (f'listens {self.mode.value.replace("_", " ")}', -FORBIDDEN))
        probability = 1 / (1 + math.exp(FORBIDDEN))
        return replace(score, probability=probability, evidence=evidence, decisive=True,
                       verdict=Verdict.NOT_ADDRESSED)

    # -- corrections ------------------------------------------------------------------------------

    def shift(self, person: str = HERE) -> float:
        """What was learnt for the place and for this person [log odds]: Situation.learnt."""
        known = [
            self._learnt[key].shift for key in dict.fromkeys((HERE, person)) if key in self._learnt
        ]
        return max(-self.params.bound, min(self.params.bound, sum(known)))

    def heard(self, text: str, t: float, answered: bool, person: str = HERE) -> str:
        """Every utterance and whether it was answered. Returns what was learnt from it, in words;
        '' is nothing.
        """
        last, self._last = self._last, _Said(t, text, person, answered)
        if answered:
            self.contact(t)
        if last is None or t - last.t > self.params.repeat_s:
            return ''
        said = f' {" ".join(words(text))} '
        if last.answered and any(f' {phrase} ' in said for phrase in NOT_YOU):
            self._learn(last.person, -1)
            return f'"{last.text}" was not for it'
        if not last.answered and any(f' {phrase} ' in said for phrase in TO_YOU):
            self._learn(last.person, 1)
            return f'"{last.text}" was for it'
        if not last.answered and is_repeated(last.text, text):
            self._learn(last.person, 1)
            return f'"{last.text}" had to be said twice'
        return ''

    def _learn(self, person: str, direction: int) -> None:
        """Half of it for who spoke, half for the place; all of it for the place where nobody is
        known.
        """
        share = 0.5 if person != HERE else 1.0
        for key in dict.fromkeys((HERE, person)):
            old = self._learnt.get(key, Learnt(0.0, 0))
            moved = old.shift + direction * share * self.params.step
            self._learnt[key] = Learnt(max(-self.params.bound, min(self.params.bound, moved)),
                                       old.corrections + 1)

    def learnt(self) -> dict[str, Learnt]:
        """By person; '' is the place."""
        return dict(self._learnt)

    def forget(self) -> None:
        """Everything that was learnt."""
        self._learnt.clear()
        self._last = None


def is_repeated(one: str, other: str) -> bool:
    """Nearly the same words, three of them at least."""
    first, second = set(words(one)), set(words(other))
    whole = first | second
    return len(first & second) >= 3 and len(first & second) / len(whole) >= SAME
