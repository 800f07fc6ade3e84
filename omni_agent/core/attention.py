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
from .cues import WHO, Cues
from .params import check, param
from .words import words

MODES = ('open', 'attentive', 'name_only', 'push_to_talk')
NOBODY = ''              # whose voice it is is not known
HERE = 'here'            # the place, where nobody has named it
PLACE = 'at '            # begins the key of what was learnt for a place, whoever speaks
# who and where something was learnt, at most; the oldest goes
MOST_LEARNT = 32
LONGEST_NAME = 60        # [characters] of a place
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
BEFORE = AROUND | frozenset('no oh sorry well actually excuse me'.split())
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
    keep: bool = param(
        False, 'what it learnt for a place outlasts a restart; people are known by numbers that '
        'begin anew')


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
    missable: bool = True            # a question or request that the mode did not forbid


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
    _place: str = PLACE + HERE

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
        return refused(score, f'listens {self.mode.value.replace("_", " ")}')

    # -- corrections ------------------------------------------------------------------------------

    def enter(self, place: str) -> None:
        """Where it is from now on; '' is nowhere in particular."""
        self._place = PLACE + (' '.join(place.split())[:LONGEST_NAME] or HERE)

    def shift(self, person: str = NOBODY) -> float:
        """What was learnt for this place and for this person [log odds]: Situation.learnt."""
        known = [self._learnt[key].shift for key in (self._place, person) if key in self._learnt]
        return max(-self.params.bound, min(self.params.bound, sum(known)))

    def told_off(self, text: str, t: float) -> bool:
        """'I wasn't talking to you', straight after it answered."""
        last = self._last
        return (last is not None and last.answered
                and t - max(last.t, self._contact_s) <= self.params.repeat_s
                and self._says(text, NOT_YOU))

    def heard(self, text: str, t: float, answered: bool, person: str = NOBODY,
              asks: bool = True) -> str:
        """Every utterance and whether it was answered; ``asks``: its words are a question or a
        request. Returns what was learnt from it, in words; '' is nothing.
        """
        off = self.told_off(text, t)
        last = self._last
        self._last = _Said(t, text, person, answered and not off, asks and self.listens(text, t))
        if off:
            self._learn(last.person, -1)
            return f'"{last.text}" was not for it'
        if answered:
            self.contact(t)
        if last is None or last.answered or t - last.t > self.params.repeat_s:
            return ''
        # another person's echo of it is no correction
        if NOBODY not in (last.person, person) and last.person != person:
            return ''
        if self._says(text, TO_YOU):
            self._learn(last.person, 1)
            return f'"{last.text}" was for it'
        if last.missable and is_repeated(last.text, text):
            self._learn(last.person, 1)
            return f'"{last.text}" had to be said twice'
        return ''

    def _says(self, text: str, phrases: tuple[str, ...]) -> bool:
        """One of them begins the sentence; a short one is the sentence."""
        own = BEFORE | {word for name in self._names for word in name.split()}
        core = words(text)
        while core and core[0] in own:
            core = core[1:]
        while core and core[-1] in own:
            core = core[:-1]
        line = ' '.join(core)
        return any(line == phrase or line.startswith(f'{phrase} ') and len(phrase.split()) > 2
                   for phrase in phrases)

    def _learn(self, person: str, direction: int) -> None:
        """Half of it for who spoke, half for the place; all of it for the place where nobody is
        known.
        """
        share = 0.5 if person != NOBODY else 1.0
        for key in (self._place, person):
            if not key:
                continue
            old = self._learnt.pop(key, Learnt(0.0, 0))
            moved = old.shift + direction * share * self.params.step
            self._learnt[key] = Learnt(max(-self.params.bound, min(self.params.bound, moved)),
                                       old.corrections + 1)
        while len(self._learnt) > MOST_LEARNT:
            del self._learnt[next(iter(self._learnt))]

    def learnt(self) -> dict[str, Learnt]:
        """By person ('face 3') and by place ('at here', 'at kitchen')."""
        return dict(self._learnt)

    def restore(self, learnt: Mapping[str, Learnt]) -> None:
        """What was learnt for places before a restart, within the bounds of today."""
        for key, one in list(learnt.items())[-MOST_LEARNT:]:
            if key.startswith(PLACE):
                shift = max(-self.params.bound, min(self.params.bound, one.shift))
                self._learnt[key] = Learnt(shift, one.corrections)

    def forget(self) -> None:
        """Everything that was learnt."""
        self._learnt.clear()
        self._last = None


def refused(score: Score, why: str) -> Score:
    """The same evidence with one more piece that outweighs all of it; the shares still add up."""
    share = -FORBIDDEN - sum(value for _, value in score.evidence)
    return replace(score, probability=1 / (1 + math.exp(FORBIDDEN)),
                   evidence=(*score.evidence, (why, share)), decisive=True,
                   verdict=Verdict.NOT_ADDRESSED)


def person_of(cues: Cues) -> str:
    """Who is speaking, as far as lips or voice tell: 'face 3', 'voice 2', or NOBODY. Numbers are
    those of perception and mean nothing after its restart.
    """
    known = dict(cues)
    return next((f'{kind} {known[kind]:.0f}' for kind in WHO
                 if math.isfinite(known.get(kind, math.nan)) and known[kind] > 0), NOBODY)


def is_repeated(one: str, other: str) -> bool:
    """Nearly the same words, three of them at least."""
    first, second = set(words(one)), set(words(other))
    whole = first | second
    return len(first & second) >= 3 and len(first & second) / len(whole) >= SAME
