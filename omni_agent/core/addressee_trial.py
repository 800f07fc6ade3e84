"""Utterances of labelled scenes through the addressee, one after the other as in a conversation:
its own verdicts make the dialogue that the next one is judged in.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from random import Random
from typing import Callable, Iterable, Sequence

from .address_words import SIGNS
from .addressee import ABOUT, Addressee, Score, Situation, Verdict
from .addressee_set import Item
from .audio import RATE
from .cues import CUES, SURE, Cues, Stream
from .echo import BLOCK
from .end_of_turn import EndOfTurnParams
from .judgement import NAMES, Judgement, group_of
from .nearness import Nearness
from .utterance import EARLY_S

# silence after which a reply may be heard, in the block that completes it: shorter ones are pauses
DECIDE_S = EndOfTurnParams().end_of_turn_s + BLOCK / RATE
# until the robot begins to speak, and has said what it has to say
FIRST_SOUND_S, REPLY_S = 0.9, 3.5


@dataclass(frozen=True)
class Final:
    """One piece of speech after which the robot would have had its turn; [s] from the start of the
    recording.
    """

    begin: float
    end: float
    voiced_s: float
    level_dbfs: float
    text: str
    recognised_s: float          # processor time
    cues: Cues = ()
    print: tuple[float, ...] = ()
    measured_s: float = 0.0      # processor time of the cues


@dataclass(frozen=True)
class Outcome:
    """What was made of a piece of speech; ``score`` is None where nothing was heard."""

    item: Item
    final: Final | None
    score: Score | None
    situation: Situation
    margin: float | None = None
    took_s: float = 0.0          # from the end of the voice to the verdict

    @property
    def accepted(self) -> bool:
        """The robot would speak."""
        return self.score is not None and self.score.verdict is Verdict.ADDRESSED


@dataclass
class Trial:
    """``margin`` asks the language model, (log odds, seconds). ``told``: the dialogue goes on as
    the labels have it, but for a share of ``told_wrong``, as a fit needs it. ``left_out``: groups
    of evidence that are not there.
    """

    addressee: Addressee
    margin: Callable[[str], tuple[float | None, float]] | None = None
    told: Random | None = None
    told_wrong: float = 0.0
    left_out: frozenset[str] = frozenset()

    def run(self, heard: Iterable[tuple[Item, Sequence[Final]]]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        scene = None
        for item, finals in heard:
            if scene is None or scene.name != item.scene:
                scene = _Scene(self, item.scene)
            outcomes += scene.play(item, finals)
        return outcomes


class _Scene:
    def __init__(self, trial: Trial, name: str) -> None:
        self.trial, self.name = trial, name
        self.now = 0.0
        self.stream, self.nearness = Stream(), Nearness()
        self.spoke_s: float | None = None        # end of the robot's last words
        self.asked = False
        self.side_s: float | None = None
        self.spoken_of_s: float | None = None    # when people last spoke about the robot
        self.reply: float | None = None          # end of what it is about to answer

    def play(self, item: Item, finals: Sequence[Final]) -> list[Outcome]:
        """Who speaks to the robot hears it out; others go on as if it were not there, and before
        it has begun to speak it then stays silent.
        """
        if item.robot_said:
            self.now += REPLY_S
            self.spoke_s, self.asked = self.now, item.robot_said.rstrip().endswith('?')
        elif self.reply is not None and item.for_robot:
            self.now = self.reply + REPLY_S
        if not finals:
            return [Outcome(item, None, None, Situation())]
        offset = self.now + item.gap_s - finals[0].begin
        return [self._judge(item, final, offset) for final in finals]

    def _hear_out(self, begin: float) -> None:
        """What came of the reply that was being prepared when somebody speaks."""
        if self.reply is not None and begin >= self.reply + FIRST_SOUND_S:
            self.spoke_s, self.asked = min(begin, self.reply + REPLY_S), False
        self.reply = None

    def _judge(self, item: Item, final: Final, offset: float) -> Outcome:
        begin, end = offset + final.begin, offset + final.end
        self._hear_out(begin)
        situation = self._situation(item, final, begin, end)
        score = self.trial.addressee.score(final.text, situation)
        # a score takes a fraction of one
        took = EARLY_S + final.recognised_s + final.measured_s
        margin = None
        if (self.trial.margin is not None and not score.decisive
                and 'language model' not in self.trial.left_out):
            margin, seconds = self.trial.margin(final.text)
            score, took = self.trial.addressee.score(final.text, situation, margin), took + seconds
        outcome = Outcome(item, final, score, situation, margin, took)
        self._go_on(outcome, begin, end)
        return outcome

    def _situation(self, item: Item, final: Final, begin: float, end: float) -> Situation:
        cues = (*final.cues, *self.stream.before(begin, final.cues, final.level_dbfs, final.print),
                *camera(item))
        spoke = None if self.spoke_s is None or self.spoke_s > end else end - self.spoke_s
        side = None if self.side_s is None else max(0.0, begin - self.side_s)
        of = None if self.spoken_of_s is None else end - self.spoken_of_s
        left = self.trial.left_out
        heeds = 'dialogue' not in left
        return Situation(
            robot_spoke_s=spoke if heeds else None, robot_asked=self.asked and heeds,
            side_talk_s=side if heeds else None, spoken_of_s=of if heeds else None,
            louder_db=None if 'voice' in left else self.nearness.louder_db(final.level_dbfs, end),
            cues=tuple((name, value) for name, value in cues
                       if name == SURE or name in CUES and CUES[name].group not in left))

    def _go_on(self, outcome: Outcome, begin: float, end: float) -> None:
        final = outcome.final
        self.stream.said(begin, end, final.cues, final.level_dbfs)
        for_robot = outcome.accepted
        if self.trial.told is not None:
            for_robot = (outcome.item.for_robot != (self.trial.told.random()
                                                    < self.trial.told_wrong))
        self.now = end
        if for_robot:
            self.nearness.spoke(final.level_dbfs, end)
            self.stream.answered(final.print, end)
            self.reply = end
        else:
            self.side_s = end
            if outcome.score is not None and ABOUT & {name for name, _ in outcome.score.evidence}:
                self.spoken_of_s = end


def camera(item: Item) -> Cues:
    """What the labels say that a camera measured."""
    found = (('faces', item.faces), ('looks_here', item.looks_here), ('lips', item.lips))
    return tuple(
        (name, value) for name, value in found if value is not None and math.isfinite(value))


def without(judgement: Judgement, groups: Iterable[str]) -> Judgement:
    """The same without words, or without dialogue, whose signs are not cues that could be left
    unmeasured.
    """
    gone = frozenset(groups)
    kept = {
        name: 0.0 if group_of(name) in gone and (name in SIGNS or name not in CUES)
        and not name.startswith('without') else judgement.weights.get(name, 0.0)
        for name in NAMES
    }
    return replace(judgement, weights=kept)
