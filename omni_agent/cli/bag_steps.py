"""A bag -> the steps of the decision core: from its trace where there is one, else put together
from the topics.

Without a trace order and times are those in which the recorder got the messages, and of what the
models said only what ``agent_state`` shows is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable

from omni_agent.backends.bag_reader import Bag, Contents, Said
from omni_agent.core import percepts, trace
from omni_agent.core.errors import WireError
from omni_agent.core.events import (Effect, Event, HushRequested, Interrupt, Noticed, Played,
                                    Playing, React, Reason, Tick, Typed)
from omni_agent.core.message_records import STATES, seconds
from omni_agent.core.trace import Begin, State, Step

# names that end so; the types of all others tell what they are
TRACE, TYPED = 'decision_trace', 'typed'
STRING, PREFIX = 'std_msgs/msg/String', 'omni_agent_msgs/msg/'
UNKNOWN = State('', '', '', None, '')
MODEL = 'language model'                         # among the evidence of agent_state
LIMIT = 4.0                                      # of a margin that counts [log odds]


@dataclass
class Recorded:
    """``pieces`` of a trace; where there are none, ``steps`` from topics with the ``epoch`` they
    begin at.
    """

    contents: Contents
    pieces: list[tuple[Begin, list[Step]]]
    steps: list[Step] = field(default_factory=list)
    epoch: int = 0
    # of the language model, by the words it was asked about
    evidence: dict[str, float] = field(default_factory=dict)
    holes: int = 0                               # in the trace


def recorded(folder: Path) -> Recorded:
    """Raises WireError for a bag with nothing in it that decides, or a trace of another format."""
    with Bag(folder) as bag:
        contents = bag.contents()
        traces = [
            name for name, kind in contents.topics.items()
            if kind == STRING and _ends(name, TRACE)
        ]
        if len(traces) > 1:
            raise WireError(
                f'{folder} holds several agents ({", ".join(traces)}): record each with '
                '--namespace'
            )
        lines = [said.message.data for said in bag.messages(traces)] if traces else []
        pieces = trace.pieces([trace.read(line) for line in lines])
        found = Recorded(contents, pieces, holes=max(0, len(pieces) - 1))
        if not pieces:
            _from_topics(bag, found)
    if not found.pieces and not any(step.effects for step in found.steps):
        raise WireError(
            f'{folder} holds no decision of an agent: neither {TRACE} nor interrupt and react')
    return found


def _from_topics(bag: Bag, found: Recorded) -> None:
    wanted = [
        name for name, kind in found.contents.topics.items() if _events_of(name, kind) is not None
    ]
    for said in bag.messages(wanted):
        made = _events_of(said.topic, said.kind)
        assert made is not None
        event, effect = made(said)
        if isinstance(effect, Interrupt) and not found.epoch:
            found.epoch = effect.epoch
            continue                             # latched, from before
        if said.kind.endswith('AgentState'):
            _note_evidence(said.message, found.evidence)
        if event is not None or effect is not None:
            found.steps.append(Step(len(found.steps), said.t, event or Tick(said.t),
                                    () if effect is None else (effect,), UNKNOWN))


def _note_evidence(message: Any, evidence: dict[str, float]) -> None:
    for name, value in zip(message.evidence_names, message.evidence_values):
        if name == MODEL:
            evidence[message.text] = float(value)


Made = Callable[[Said], 'tuple[Event | None, Effect | None]']


def _events_of(topic: str, kind: str) -> Made | None:
    if kind == STRING and _ends(topic, TYPED):
        return lambda said: (Typed(said.t, said.message.data.strip())
                             if said.message.data.strip() else None, None)
    return {
        f'{PREFIX}Percept': _percept,
        f'{PREFIX}Playback': _playback,
        f'{PREFIX}Interrupt': _interrupt,
        f'{PREFIX}React': _react,
        f'{PREFIX}AgentState': lambda said: (None, None)
    }.get(kind)


def _ends(topic: str, name: str) -> bool:
    return topic.rpartition('/')[2] == name


def _percept(said: Said) -> tuple[Event | None, None]:
    perceived = percepts.read(said.message)
    return None if perceived is None else percepts.event(perceived), None


def _playback(said: Said) -> tuple[Event, None]:
    played, state = said.message, STATES.get(said.message.state)
    t = seconds(played.header.stamp)
    if state in ('started', 'playing'):
        return Playing(t, played.epoch, played.heard), None
    return Played(t, played.epoch, played.heard, state == 'finished'), None


def _interrupt(said: Said) -> tuple[Event | None, Effect]:
    """A hush comes from outside, and shows only here."""
    message = said.message
    evidence = seconds(message.evidence) or None
    effect = Interrupt(message.epoch, message.ducked, Reason(message.reason), evidence)
    return (HushRequested(evidence or said.t) if effect.reason is Reason.HUSH else None), effect


def _react(said: Said) -> tuple[Event | None, Effect]:
    """What nobody had asked for was noticed before; what is said as it is may come from memory,
    too.
    """
    message = said.message
    is_remark = bool(message.say) and message.say == message.brief
    effect = React(message.epoch, message.brief, seconds(message.not_before),
                   message.say if is_remark else '')
    return (Noticed(said.t, message.say) if is_remark else None), effect
