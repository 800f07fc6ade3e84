"""To whom was that said? Cheap, explainable evidence in log odds; the language model is one voice
among it.

With a fitted ``Judgement`` (core/judgement.py) its weights count wherever cues were measured, and
rules set by hand stay where they hold guarantees: a name that is called always counts, and over
the robot's own voice everything is as it was. Without one, or without any cue, all weights are
those set by hand here.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import Enum

from .address_words import called, signs
from .cues import CUES, SURE, Cues
from .judgement import MARGIN_LIMIT, MODEL, Judgement, values
from .known_voices import OTHER
from .params import param
from .words import words

QUESTION_STARTS = frozenset('what who whom whose where when which why how'.split())
AUXILIARIES = frozenset(
    'is are am was were do does did can could will would should shall may have has'.split())
# 'did you call her?': a robot has no yesterday
ONCE = frozenset('was were did have has'.split())
# with 'you' after it: a request in the form of a question
OFFERS = frozenset('can could would will'.split())
COMMANDS = frozenset('''
tell give show explain describe play sing count say turn go come look stop wait help remind find bring take move open
close start follow drive name list spell read write translate define guess remember forget set repeat speak talk call
compare recommend suggest teach calculate skip pause continue resume repeat change switch put get send check choose pick try
keep leave let use add order buy search record sing dance walk sit stand lower raise increase decrease reduce pour clean
cook grab pass hand fetch throw drop lift push pull dim shut lock unlock mute unmute finish begin end save delete remove
'''.split())
REPLIES = frozenset(
    'yes no yeah nope yep well good okay ok sure thanks sorry exactly really maybe fine'.split())
# what a question in the same utterance was answered with, by somebody else
ANSWERS = frozenset('yes yeah yep nope good well sure exactly maybe fine'.split())
SENTENCES = re.compile(r'(?<=[.!?])\s+')
NARRATORS = frozenset('i we he she they'.split())
# asked about, they are rather asked about among people
ABSENT = frozenset('he she we'.split())
# How people take the floor from somebody who is speaking, and how they set right what was said
ATTENTION = ('excuse me', 'pardon', 'hang on', 'hold on', 'wait', 'sorry', 'actually',
             'one moment', 'one second', 'just a', 'listen', 'hey', "i'm sorry", 'i am sorry')
FILLERS = frozenset('hi hello so and then now um uh er oh ah well okay ok yeah right'.split())
CORRECTIONS = ('no', 'nope', 'not', 'wrong', 'i meant', 'i mean', 'i said', 'i asked', 'i wanted',
               'i want', "i don't", 'i do not', "i didn't", 'i did not', "that's wrong",
               'that is wrong', "that's not", 'that is not', "that isn't", "you're wrong",
               'you are wrong', 'make it', 'make that', 'never mind', 'nevermind', 'forget it',
               'forget that', 'rather', 'instead')
# what only words can tell, but only over the robot's voice
FLOOR = ('a correction', 'takes the floor')
NEGATIONS = frozenset("not isn't wasn't aren't didn't doesn't don't wrong".split())
# quieter than who speaks to the robot by up to this much is as near as they are
NEAR_DB = 4.0
FAR_DB = 0.35            # [log odds per dB] beyond that
# over the robot's voice, and else: who was near may have walked away
MOST_FAR, MOST_FAR_ALONE = 2.0, 1.0
MOST = 40.0              # [log odds] a probability keeps away from 0 and 1
SURE_NAME = 1.5          # [log odds] of an utterance that calls the robot by its name, at least
TALKING_S, RECENTLY_S = 4.0, 30.0
FITTED_WITH = 1.5         # model_weight for which the share of the language model was fitted
# in which 'it' is still what people were speaking about
SPOKEN_OF_S = 10.0
LEARNT, CALLED = 'learnt from corrections', 'its name is called'
FAR, NEAR = 'from farther away', 'as near as who speaks to it'
TALKING = 'people are talking'
ABOUT_IT, OF_IT = 'speaks about it', 'still speaks about it'
ABOUT = frozenset({ABOUT_IT, OF_IT})
NO_WORDS, UNHEARD = 'no words', -4.0     # [log odds] nobody can answer what was not understood
PAST = frozenset('yesterday told said went was were had called did told ago'.split())
POLITE = frozenset('please'.split())
IT = frozenset("it its it's".split())


@dataclass(frozen=True)
class AddresseeParams:
    """How the evidence is weighed."""

    LIVE = True          # each is read where it is used

    name: str = param('robot', 'name of the robot; several are separated by commas', live=False)
    threshold: float = param(0.5, 'score from which an utterance counts as meant for the robot',
                             0.05, 0.95)
    unsure: float = param(
        0.25,
        'score from which that is not known: the robot may turn to who spoke, and stays silent',
        0.0, 0.95)
    follow_up_s: float = param(
        8.0, 'after its own speech the robot expects an answer for this long [s]', 0.0, 60.0)
    model_weight: float = param(1.5, 'weight of the language model margin; 0 leaves it out', 0.0,
                                2.0)
    sure: float = param(1.0, 'cheap evidence beyond this [log odds] does not ask the model', 0.0,
                        10.0)
    # calibrated: asked within 1.0 the model gained nothing on the development half
    sure_fitted: float = param(
        0.4, 'the same where weights are fitted [log odds]: people wait for the model', 0.0, 10.0)


@dataclass(frozen=True)
class Situation:
    """What the dialogue says about the utterance; times are ages in seconds, None = never."""

    robot_speaking: bool = False
    cut_in: bool = False                    # these words, or the first of them, silenced the robot
    robot_spoke_s: float | None = None      # since the end of the robot's last speech
    robot_asked: bool = False               # its last words were a question
    # since the end of the last utterance that was not for the robot
    side_talk_s: float | None = None
    # than who spoke to the robot before; None: nobody did, or long ago
    louder_db: float | None = None
    # of voice, source and camera; what was not measured is not there
    cues: Cues = ()
    # since people last spoke about the robot
    spoken_of_s: float | None = None
    # from corrections, for this person and place [log odds] (core/attention.py)
    learnt: float = 0.0


class Verdict(Enum):
    """What is to be done with an utterance."""

    NOT_ADDRESSED = 0
    UNSURE = 1           # attention may be shown; nothing is said
    ADDRESSED = 2


@dataclass(frozen=True)
class Score:
    """Probability that the robot was meant, with the share of each piece of evidence [log
    odds].
    """

    probability: float
    evidence: tuple[tuple[str, float], ...]
    decisive: bool                          # no need to ask the language model
    by_words: float = 0.0                   # share of the words [log odds]
    verdict: Verdict = Verdict.UNSURE

    def because(self) -> str:
        """The strongest evidence in words."""
        if not self.evidence:
            return 'no evidence'
        name, value = max(self.evidence, key=lambda item: abs(item[1]))
        return f'{name} {value:+.1f}'


class Addressee:
    """Scores utterances; holds parameters only."""

    def __init__(self, params: AddresseeParams, judgement: Judgement | None = None) -> None:
        self.params = params
        self.judgement = judgement
        self.names = frozenset(' '.join(words(name)) for name in params.name.split(',')
                               if words(name))
        self.name_words = frozenset(word for name in self.names for word in name.split())

    def score(self, text: str, situation: Situation, margin: float | None = None) -> Score:
        """``margin`` is the language model's log odds, None where it was not asked or has no
        opinion.
        """
        over = situation.robot_speaking or situation.cut_in
        if self.judgement is not None and situation.cues and not over:
            return self._fitted(self.judgement, text, situation, margin)
        said = self._from_words(text)
        evidence = {'prior': -0.6, **said, **self._from_dialogue(text, situation)}
        if situation.learnt:
            evidence[LEARNT] = situation.learnt
        cheap = sum(evidence.values())
        decisive = abs(cheap) >= self.params.sure or self.params.model_weight == 0.0
        if margin is not None and not math.isnan(margin) and not decisive:
            evidence['language model'] = self.params.model_weight * max(-4.0, min(4.0, margin))
        by_words = sum(said.values()) + sum(evidence.get(name, 0.0) for name in FLOOR)
        return self._score(evidence, decisive, by_words)

    def _score(self, evidence: dict[str, float], decisive: bool, by_words: float) -> Score:
        probability = 1 / (1 + math.exp(-max(-MOST, min(MOST, sum(evidence.values())))))
        verdict = (Verdict.ADDRESSED if probability >= self.params.threshold else
                   Verdict.UNSURE if probability >= self.params.unsure else Verdict.NOT_ADDRESSED)
        return Score(probability, tuple(evidence.items()), decisive, by_words, verdict)

    def _fitted(self, judgement: Judgement, text: str, situation: Situation,
                margin: float | None) -> Score:
        by_words = self.by_words(text)
        found = values(self._signs(text), self.dialogue_of(text, situation),
                       self.cues_of(situation), rules=by_words, whole=self.as_a_whole(text))
        evidence = judgement.shares(found)
        if situation.learnt:
            evidence[LEARNT] = situation.learnt
        if called(text, self.names) == 'calls':     # a guarantee, whatever was fitted
            evidence[CALLED] = max(0.0, SURE_NAME - sum(evidence.values()))
        if NO_WORDS in evidence:                    # and another one
            rest = sum(evidence.values()) - evidence[NO_WORDS]
            evidence[NO_WORDS] = UNHEARD - max(0.0, rest)
        cheap = sum(evidence.values())
        weight = judgement.weights.get(MODEL, 0.0) * self.params.model_weight / FITTED_WITH
        # nobody waits for an opinion that counts nothing
        decisive = abs(cheap) >= self.params.sure_fitted or weight == 0.0
        if margin is not None and not math.isnan(margin) and not decisive:
            evidence[MODEL] = weight * max(-MARGIN_LIMIT, min(MARGIN_LIMIT, margin))
        # on one scale, whoever judges: limits are set for it
        return self._score(evidence, decisive, by_words)

    def by_words(self, text: str) -> float:
        """What the rules set by hand make of the words alone [log odds]."""
        return sum(self._from_words(text).values())

    def as_a_whole(self, text: str) -> float | None:
        """What the phrases make of the words alone [log odds]; None where nothing is known."""
        known = None if self.judgement is None else self.judgement.phrases
        return None if known is None else known.log_odds(text, self._signs(text), self.name_words)

    def _signs(self, text: str) -> tuple[str, ...]:
        found = signs(text, self.names)
        return (*found, 'calls somebody') if self._calls_somebody(text) else found

    def signs_of(self, text: str) -> tuple[str, ...]:
        """What a fit needs to know of the words."""
        return self._signs(text)

    def dialogue_of(self, text: str, situation: Situation) -> tuple[str, ...]:
        """Signs of the dialogue (core/judgement.py: DIALOGUE)."""
        spoke, side = situation.robot_spoke_s, situation.side_talk_s
        found = []
        if spoke is not None and spoke <= self.params.follow_up_s:
            found.append('the robot just spoke')
            if situation.robot_asked:
                found.append('the robot asked')
                if len(words(text)) <= 8:
                    found.append('an answer to its question')
        elif spoke is not None and spoke <= RECENTLY_S:
            found.append('the robot spoke')
        if side is not None and side <= RECENTLY_S:
            found.append('people are talking' if side <= TALKING_S else 'people were talking')
        if self._speaks_of_it(text, situation):
            found.append(OF_IT)
        return tuple(found)

    def _speaks_of_it(self, text: str, situation: Situation) -> bool:
        """What 'it' is was named just before: the robot."""
        of = situation.spoken_of_s
        return of is not None and of <= SPOKEN_OF_S and bool(IT & set(words(text)[:4]))

    def cues_of(self, situation: Situation) -> Cues:
        """The measured ones, and how loud it was beside who speaks to the robot."""
        louder = () if situation.louder_db is None else (('louder_db', situation.louder_db),)
        return (*(cue for cue in situation.cues if cue[0] in CUES or cue[0] == SURE), *louder)

    def _from_words(self, text: str) -> dict[str, float]:
        spoken = words(text)
        if not spoken:
            return {NO_WORDS: UNHEARD}
        found: dict[str, float] = {}
        name = called(text, self.names)
        if name:
            found['its name' if name == 'calls' else ABOUT_IT] = 4.0 if name == 'calls' else -2.0
        start = self._start(spoken)
        if start in QUESTION_STARTS:
            found['a question'] = 1.8
        elif start in OFFERS and self._after(start, spoken) == 'you':
            found['a request'] = 2.0
        elif start in AUXILIARIES:
            about_you = self._after(start, spoken) == 'you'
            found['a yes/no question'] = (1.0
                                          if not about_you else 0.6 if start not in ONCE else 0.2)
        elif start in COMMANDS:
            found['a request'] = 2.0
        elif start in REPLIES:
            found['a reply to somebody'] = -1.2
        if POLITE & set(spoken):
            found['please'] = 0.8
        if start in QUESTION_STARTS | AUXILIARIES | COMMANDS:
            if ABSENT & set(spoken[:4]):
                found['a question about people'] = -1.0
        elif NARRATORS & set(self._without_attention(spoken)[:3]) or len(PAST & set(spoken)) > 1:
            found['a story about people'] = -1.4
        vocative = self._calls_somebody(text)
        if vocative:
            found[f'calls {vocative}'] = -3.0
        if _answers_itself(text):
            found['a question and its answer'] = -2.5
        if len(spoken) == 1:
            found['one word'] = -0.8
        return found

    def _start(self, spoken: list[str]) -> str:
        """The first word that matters: 'wait, what is ...' and 'hey robot, tell me ...' start
        late.
        """
        skip = {'please', 'no', 'okay'} | self.name_words
        rest = [word for word in self._without_attention(spoken) if word not in skip]
        return rest[0] if rest else spoken[0]

    def _without_attention(self, spoken: list[str]) -> list[str]:
        """'excuse me, hang on, what is that' -> 'what is that'."""
        rest = self._without_fillers(spoken)
        for phrase in (phrase.split() for phrase in ATTENTION):
            if rest[:len(phrase)] == phrase:
                return self._without_attention(rest[len(phrase):])
        return rest

    def _without_fillers(self, spoken: list[str]) -> list[str]:
        at = next((at for at, word in enumerate(spoken) if word not in FILLERS), len(spoken))
        return spoken[at:]

    def _after(self, word: str, spoken: list[str]) -> str:
        at = spoken.index(word) + 1
        return spoken[at] if at < len(spoken) else ''

    def _calls_somebody(self, text: str) -> str:
        """A capitalised single word set off by a comma at either end: 'Anna, ...' or '...,
        Carla?'
        """
        parts = [part.strip(' .!?') for part in text.split(',')]
        if len(parts) < 2:
            return ''
        for part in (parts[0], parts[-1]):
            lower = part.lower()
            if (part.isalpha() and part[0].isupper() and lower not in self.names
                    and lower not in QUESTION_STARTS | AUXILIARIES | COMMANDS | REPLIES | POLITE
                    and lower not in {
                        'wait', 'hey', 'hello', 'hi', 'so', 'now', 'then', 'oh', 'actually', 'um',
                        'uh', 'and', 'but', 'first', 'i'
                    }):
                return part
        return ''

    def _from_dialogue(self, text: str, situation: Situation) -> dict[str, float]:
        found: dict[str, float] = {}
        spoke, side = situation.robot_spoke_s, situation.side_talk_s
        overlaps = situation.robot_speaking or situation.cut_in
        if spoke is not None and spoke <= self.params.follow_up_s and not overlaps:
            found.update(_after_its_words(situation))
        if overlaps:
            found['cut the robot off' if situation.cut_in else 'said to a speaking robot'] = 0.5
            spoken = ' '.join(self._without_fillers(words(text))) + ' '
            if spoken.startswith(tuple(f'{phrase} ' for phrase in CORRECTIONS)):
                found['a correction'] = 1.6
            elif spoken.startswith(tuple(f'{phrase} ' for phrase in ATTENTION)):
                found['takes the floor'] = 1.2
                if NEGATIONS & set(spoken.split()[:8]):
                    found['a correction'] = 0.8
        if self._speaks_of_it(text, situation):
            found[OF_IT] = -1.5
        found.update(self._from_level(situation.louder_db, overlaps))
        if side is not None and side < 4.0:
            found[TALKING] = -1.5 if side < 2.0 else -0.8
        return found

    def _from_level(self, louder_db: float | None, overlaps: bool) -> dict[str, float]:
        """Television and other people's talk come from farther away than who speaks to the
        robot.
        """
        if louder_db is None:
            return {}
        if louder_db < -NEAR_DB:
            return {FAR: max(-MOST_FAR if overlaps else -MOST_FAR_ALONE,
                             FAR_DB * (louder_db + NEAR_DB))}
        return {NEAR: 0.6} if overlaps else {}


def takes_floor(score: Score) -> bool:
    """Whether its words are those of somebody who wants to be heard by who is speaking."""
    return any(name in FLOOR for name, _ in score.evidence)


def _after_its_words(situation: Situation) -> dict[str, float]:
    """Who asked goes on after the answer. A radio and other people do not wait for it: they are
    another voice, and only its question lets anybody speak.
    """
    if situation.robot_asked:
        return {'the robot just spoke': 0.8, 'the robot asked': 3.0}
    same = dict(situation.cues).get('same_voice', math.nan)
    return {'another voice than who asked it': -1.5} if same <= -OTHER else {
        'the robot just spoke': 0.8}


def _answers_itself(text: str) -> bool:
    """Two people in one utterance: the pause between them was too short to end it."""
    said = [(sentence.endswith('?'), words(sentence)) for sentence in SENTENCES.split(text)]
    return any(asks and answer and answer[0] in ANSWERS and answer[1:2] != ['or']
               for (asks, _), (_, answer) in zip(said, said[1:]))
