"""The acts of a recording beside those of now, for ``omni-agent replay``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from omni_agent.backends import skills
from omni_agent.backends.bag_reader import Bag
from omni_agent.core import trace
from omni_agent.core.acts import SkillState
from omni_agent.core.acts_again import Act, ActsAgain, News, Request, Said, in_order, news
from omni_agent.core.errand import ErrandParams, Errands, Progress
from omni_agent.core.errors import ConfigError
from omni_agent.core.events import Played, React
from omni_agent.core.message_records import seconds
from omni_agent.core.params import check
from omni_agent.core.replay import ROUGH_S
from omni_agent.core.skill_check import check as check_call
from omni_agent.core.skill_consent import Consent, ConsentParams
from omni_agent.core.skill_plan import Planner, PlannerParams
from omni_agent.core.skills import Call, Skills
from omni_agent.core.then_and_now import Done, compare

from .bag_steps import Recorded
from .replay_words import Piece

PREFIX = 'omni_agent_msgs/msg/'
NONE = 'none'


@dataclass(frozen=True)
class _Then:
    """What was handed out, and what became of it."""

    acts: tuple[tuple[float, Act], ...]
    states: tuple[tuple[float, Progress], ...]


def with_acts(bag_folder: Any, found: Recorded, pieces: list[Piece],
              known: dict[str, Any]) -> list[Piece]:
    """The same pieces, each with a row for every act of then and of now. ``known``: parameters of
    the decision node, which say what skills there were.
    """
    names = known.get('skills', NONE)
    if names == NONE or not any(piece.begin is not None for piece in pieces):
        return pieces
    then = _recorded(bag_folder, found)
    try:
        there = skills.load(names)
    except ConfigError as error:
        return [replace(piece, notes=(*piece.notes, f'acts are not compared: {error}'))
                for piece in pieces]
    return [_with_acts(piece, then, there, known) for piece in pieces]


def _recorded(folder: Any, found: Recorded) -> _Then:
    kinds = {f'{PREFIX}Act', f'{PREFIX}SkillState'}
    topics = [name for name, kind in found.contents.topics.items() if kind in kinds]
    acts, states = [], []
    with Bag(folder) as bag:
        for said in bag.messages(topics):
            one = said.message
            if said.kind.endswith('/Act'):
                acts.append((seconds(one.header.stamp),
                             Act(one.epoch, one.step, one.skill, in_order(one.arguments))))
            else:
                states.append((said.t, Progress(one.epoch, one.step, SkillState(one.state),
                                                one.text)))
    return _Then(tuple(acts), tuple(states))


def _with_acts(piece: Piece, then: _Then, there: Skills, known: dict[str, Any]) -> Piece:
    outcome, begin = piece.outcome, piece.begin
    assert begin is not None, 'put together from topics'
    end = outcome.moments[-1].t
    replies = [row.then.effect for row in outcome.rows
               if row.then is not None and isinstance(row.then.effect, React)]
    briefs = {reply.epoch: reply.brief for reply in replies}
    # what was asked for before the stretch began is not known
    acts = [(t, act) for t, act in then.acts if begin.now <= t <= end and act.epoch in briefs]
    again = ActsAgain(_planner(there, known), Errands(_params(ErrandParams, known, 'errand')),
                      Consent(skills.words(str(known.get('languages', 'en'))),
                              _params(ConsentParams, known, 'consent')),
                      lambda text: _understood(text, briefs, acts, there))
    done = [row.now for row in outcome.rows if row.now is not None]
    heard = [Said(moment.t, moment.event) for moment in outcome.moments
             if isinstance(moment.event, Played)]
    told: list[News] = [news(t, progress, outcome.epochs) for t, progress in then.states
                        if begin.now <= t <= end]
    now = again.run([*done, *heard, *told], end)
    rows = compare([Done(t, act, Request(briefs[act.epoch])) for t, act in acts], now, ROUGH_S)
    notes = ((f'{again.unclear} request(s) need the language model that was not asked then: '
              'their acts are not known', ) if again.unclear else ())
    return replace(piece, notes=(*piece.notes, *notes), outcome=replace(
        outcome, rows=tuple(sorted((*outcome.rows, *rows), key=lambda row: row.t))))


def _understood(text: str, briefs: dict[int, str], acts: list[tuple[float, Act]],
                there: Skills) -> tuple[Call, ...] | None:
    """What the language model made of these words then: nothing, where nothing was handed out."""
    epochs = [epoch for epoch, brief in briefs.items() if brief == text]
    if not epochs:
        return None
    calls = [check_call(there, act.skill, act.arguments) for _, act in acts
             if act.epoch == epochs[-1]]
    return tuple(call for call in calls if isinstance(call, Call))


def _planner(there: Skills, known: dict[str, Any]) -> Planner:
    """As in the node, with a model that is never asked here: what it said then is known."""
    names = str(known.get('addressee', {}).get('name', 'robot')).split(',')
    return Planner(there, skills.words(str(known.get('languages', 'en'))),
                   None if known.get('llm') == NONE else _never,
                   _params(PlannerParams, known, 'plan'), names)


def _never(*_: object) -> str:
    raise AssertionError('only quick plans are made here')


def _params(kind: type, known: dict[str, Any], prefix: str) -> Any:
    filled, _ = trace.params_of(kind, known.get(prefix, {}))
    return check(filled)
