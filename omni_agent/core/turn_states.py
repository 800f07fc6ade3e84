"""What a conversation is made of: the states of person, agent and voice, the events that alone
move them, its times and limits, and what is shown of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .addressee import Score
from .end_of_turn import EndOfTurnParams
from .events import Played, Playing, SpeechStarted, SpeechStopped
from .params import param


class Person(Enum):
    """Values match AgentState.msg."""

    QUIET = 0
    SPEAKING = 1
    TRAILING = 2        # stopped, but perhaps only for breath


class Agent(Enum):
    """Values match AgentState.msg."""

    IDLE = 0
    DECIDING = 1        # somebody finished; was it for the robot, and is the turn over?
    PREPARING = 2       # a reply is being made, nothing of it was heard yet
    SPEAKING = 3


class Voice(Enum):
    """The robot's loudness."""

    UP = 0
    LOWERED = 1


PERSON = {
    (Person.QUIET, SpeechStarted): Person.SPEAKING,
    (Person.TRAILING, SpeechStarted): Person.SPEAKING,
    (Person.SPEAKING, SpeechStopped): Person.TRAILING,
}
AGENT = {
    (Agent.PREPARING, Playing): Agent.SPEAKING,
    (Agent.PREPARING, Played): Agent.IDLE,
    (Agent.SPEAKING, Played): Agent.IDLE,
}


@dataclass(frozen=True)
class TurnParams(EndOfTurnParams):
    """Times of the conversation."""

    LIVE = True          # each is read where it is used

    barge_in_words: int = param(2, 'words of news that make a barge-in', 1, 10)
    barge_in_s: float = param(0.35, 'voiced time that a barge-in needs [s]', 0.0, 3.0)
    barge_in_doubtful_s: float = param(
        0.8, 'the same for words in progress that do not tell to whom: nods are shorter, and a '
        'recogniser makes words of them while they last [s]', 0.0, 5.0)
    barge_in_plain: float = param(
        1.7, 'words in progress with this much of a question or a request in them cut in at once '
        '[log odds]', 0.0, 5.0)
    barge_in_settled_s: float = param(
        1.2, 'others do if one of them was there before, for of a nod a recogniser makes '
        'something else each time; after this much voice any words will do [s]', 0.0, 5.0)
    nod_likely: float = param(
        -5.5, 'words over the robot\'s voice that a nod explains at least this well are one, where '
        'the recogniser says so [log probability, nat]', -7.0, 0.0)
    nod_unlikely: float = param(
        -6.5, 'words that a nod explains worse than this need not settle '
        '[log probability, nat]', -7.0, 0.0)
    barge_in_score: float = param(
        0.5, 'addressee score that a barge-in needs at once; below it the language model is '
        'asked while the voice is low', 0.0, 1.0)
    carry_on_score: float = param(0.3, 'the same, for who was still asking when the reply began',
                                  0.0, 1.0)
    duck_limit_s: float = param(2.0,
                                'a lowered voice without a barge-in comes back after this [s]',
                                0.3, 10.0)
    onset_limit_s: float = param(
        0.3, 'the same for a voice that was lowered for a sound, if nobody is found to speak [s]',
        0.1, 2.0)
    carry_on_s: float = param(
        0.4, 'who speaks up this soon after the first sound of a reply is still asking: people '
        'need as long to notice it [s]', 0.0, 2.0)
    judge_s: float = param(0.8, 'how long the language model may think about whom was meant [s]',
                           0.0, 10.0)
    words_s: float = param(2.5, 'how long the words of a finished utterance are awaited [s]', 0.2,
                           10.0)
    remark_wait_s: float = param(
        4.0, 'an unasked remark waits this long for the end of a reply, then the robot interrupts '
        'itself [s]', 0.0, 60.0, live=False)
    remark_limit_s: float = param(
        30.0, 'an unasked remark that could not be made by then is dropped [s]', 1.0, 600.0,
        live=False)
    patience_s: float = param(15.0, 'a reply without news for this long is lost [s]', 1.0, 120.0)
    keep_side_talk: bool = param(
        False, 'what people say to each other is written into long-term memory as well')


@dataclass(frozen=True, slots=True)
class View:
    """What AgentState.msg shows."""

    epoch: int
    person: Person
    agent: Agent
    voice: Voice
    utterance: int
    text: str
    score: Score | None
    why: str
