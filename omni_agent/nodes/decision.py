"""``percept`` and ``playback`` -> ``interrupt`` and ``react``. The only writer of epochs."""

from __future__ import annotations

import math
import os
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from omni_agent_msgs.msg import AgentState, DialogueTurn, Look, Percept, Playback
from omni_agent_msgs.msg import Interrupt as InterruptMsg
from omni_agent_msgs.msg import React as ReactMsg
from std_msgs.msg import String
from std_srvs.srv import Trigger

from omni_agent.backends import addressee_model, languages
from omni_agent.core import answer_route, percepts
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.answer_route import (ADDRESSEE, ENDING, LOOKOUT, PHRASES, SKILLS, Answering,
                                          Step)
from omni_agent.core.attention import NOBODY, Attention, AttentionParams, person_of
from omni_agent.core.dialogue import LOOKING
from omni_agent.core.epoch import first_epoch
from omni_agent.core.errors import OmniAgentError
from omni_agent.core.events import (
    HALTING, Effect, EndInstructions, Event, HushRequested, Interrupt, Judge, Judged, Noticed,
    Overheard, PlaceEntered, Played, Playing, React, Reason, Remember, Role, SceneChanged,
    SpeechStarted, SpeechStopped, Tick, Transcript, Typed, Weigh, Weighed)
from omni_agent.core.looks import looked
from omni_agent.core.memory import Line, Memory
from omni_agent.core.params import param
from omni_agent.core.skill_plan import Unclear
from omni_agent.core.skills import Call
from omni_agent.core.turn import TurnMachine
from omni_agent.core.turn_states import TurnParams
from omni_agent.core.watch_events import Margined
from omni_agent.core.words import words

from . import qos
from .alive import Alive
from .decision_trace import DecisionTrace
from .hands import PARAMETERS as OF_HANDS
from .hands import Hands
from .health import WARN, Health
from .heartbeat import Heartbeat
from .inspection import Inspected, Inspection
from .listening import Listening
from .lookout import PARAMETERS as OF_LOOKOUT
from .lookout import Lookout
from .loudness import Loudness
from .node import join
from .opinions import Answer, Loaded, OpinionParams, Opinions, Planned, Unable
from .parameters import declare
from .recall import PARAMETERS as OF_RECALL
from .recall import Forgotten, Recall, Recalled
from .route_trace import RouteTrace
from .shell import Urgency
from .shell import main as run
from .stamps import now, seconds, stamp
from .threads import Alarm, Inbox


@dataclass(frozen=True)
class DecisionParams:
    """Whom to believe, and how much is remembered."""

    weights: str = param(
        'fitted',
        'what tells whom an utterance was meant for: weights fitted to words, voice, source, '
        'dialogue and camera, or rules set by hand to words and dialogue alone',
        choices=('hand', 'fitted'))
    languages: str = param(
        'en', 'codes of the languages that are spoken, the likeliest first, separated by commas')
    state: str = param(
        '', 'folder for what outlasts a restart, standing instructions and memory; empty = below '
        '~/.local/state (XDG_STATE_HOME), by namespace; none = nothing is kept')
    max_turns: int = param(
        12, 'turns of dialogue kept, at most; the older half goes when they are exceeded', 2, 200)


NO_EYES = 'nothing, because it is off'
NO_JUDGE = 'I have stopped, because I have lost my language model.'
LONGEST_NOTICE = 300     # [characters] that another node may have said
SEEN_CLOSELY = 0.6       # salience of what somebody asked about
SEEN_REMARKS = 16        # newest remarks of which it is known that they rest on the camera
OWN = 0.5                # share of the robot's own words from which nobody else has spoken
PARAMETERS = (
    ('', DecisionParams),
    ('', OpinionParams),
    ('addressee', AddresseeParams),
    ('attention', AttentionParams),
    ('turn', TurnParams),
    # (prefix, dataclass): what is declared below and in those
    *OF_LOOKOUT,
    *OF_RECALL,
    *OF_HANDS)


@dataclass(frozen=True)
class Prepared:
    """What was found out about the brief of an epoch before it was handed on."""

    epoch: int
    brief: str
    say: str = ''
    lines: tuple[str, ...] = ()
    route: str = ''
    seen: str = ''           # what a closer look showed


class Decision:
    """Messages in, one step of the machine, messages out."""

    def __init__(self) -> None:
        self.node = join('decision')
        self.params = declare(self.node, DecisionParams)
        addressee = Addressee(declare(self.node, AddresseeParams, 'addressee'),
                              addressee_model.load() if self.params.weights == 'fitted' else None)
        attention = Attention.begin(declare(self.node, AttentionParams, 'attention'),
                                    addressee.names)
        turn = declare(self.node, TurnParams, 'turn')
        self._seen: deque[str] = deque(maxlen=SEEN_REMARKS)      # of remarks: what was seen
        self.machine = TurnMachine(turn, addressee, first_epoch(time.time()),
                                   languages.lexicon(self.params.languages), attention)
        self.memory = Memory(self.params.max_turns)
        self.health = Health(self.node)
        self.trace = DecisionTrace(self.node, self.health, self.machine, self.params.languages)
        self.interrupts = self.node.create_publisher(InterruptMsg, 'interrupt', qos.STATE)
        self.reacts = self.node.create_publisher(ReactMsg, 'react', qos.REACT)
        self.states = self.node.create_publisher(AgentState, 'agent_state', qos.STATE)
        self.answering, self.routes = Answering(), RouteTrace(self.node, self.health)
        # what moves since that epoch or before has to stand still
        self._halted = 0
        # at once: opening a memory may take the disk seconds
        for effect in self.machine.start():
            self._interrupt(effect)
        self.heartbeat = Heartbeat(self.node)
        self.inbox: Inbox[Event | Answer | Recalled | Inspected | Forgotten] = Inbox(
            self.node, self.on_result)
        self.alarm = Alarm(self.node, lambda: self.on_event(Tick(now(self.node))))
        self.opinions = Opinions(declare(self.node, OpinionParams), self.health, self.inbox.put)
        state = _state_folder(self.params.state, self.node.get_namespace())
        self.lookout = Lookout(self.node, self.health, self.params.languages, state
                               and state / 'instructions.json', self.on_seen,
                               self.opinions.silence, lambda: self.senses.sees)
        self.recall = Recall(self.node, self.health, state and state / 'memory.db', self.inbox.put)
        self.inspection = Inspection(self.node, self.health, self.lookout.items.words,
                                     self.lookout.knows_any_words, self.inbox.put)
        self.senses = Alive(self.node, self._show)
        self.hands = Hands(self.node, self.health, self.params.languages,
                           addressee.params.name.split(','),
                           self.opinions if self.opinions.there else None, self.inbox.put,
                           self.on_own_skill, self._show)
        self.opinions.planner = self.hands.planner
        self.loudness = Loudness(self.node, self.on_remark)
        self.listening = Listening(self.node, self.health, self.machine.attention, self.inbox.put,
                                   state and state / 'corrections.json')
        self._react_now: React | None = None     # the newest intention
        # epoch and brief that somebody thinks about, aside
        self._looking_up: tuple[int, str] | None = None
        self._prepared = Prepared(0, '')
        self._used: tuple[str, ...] = ()
        self._shown: tuple | None = None
        self.opinions.load()
        self._show()
        self.node.create_subscription(Look, 'look', self.on_look, qos.LOOK)
        self.node.create_subscription(Percept, 'percept', self.on_percept, qos.PERCEPT)
        self.node.create_subscription(Playback, 'playback', self.on_playback, qos.PLAYBACK)
        self.node.create_subscription(String, 'typed', self.on_typed, qos.PERCEPT)
        self.node.create_subscription(String, 'notice', self.on_notice, qos.PERCEPT)
        self.node.create_service(Trigger, '~/hush', self.on_hush)

    # -- messages become events -------------------------------------------------------------------

    def on_percept(self, percept: Percept) -> None:
        self.health.count('percepts')
        perceived = percepts.read(percept)
        if perceived is None:
            self.health.count('percepts of unknown kind')
            return
        if perceived.kind is percepts.Kind.FINAL:
            self.answering.heard(perceived.utterance, answer_route.recognised(
                perceived.text, perceived.processing_s))
        self.on_event(percepts.event(perceived))

    def on_look(self, message: Look) -> None:
        self.health.count('looks')
        self.senses.news(AgentState.SEES)
        look = looked(message)
        self.listening.on_look(message)
        self.lookout.on_look(look)
        self.recall.on_look(look, bytes(message.keyframe))
        self.inspection.on_look(look)

    def on_playback(self, playback: Playback) -> None:
        t = seconds(playback.header.stamp)
        if playback.state in (Playback.STARTED, Playback.PLAYING):
            self.lookout.confirmed(playback.epoch)
            self.on_event(Playing(t, playback.epoch, playback.heard))
        else:
            self.on_event(
                Played(t, playback.epoch, playback.heard, playback.state == Playback.FINISHED))
            self.hands.said()

    def on_typed(self, message: String) -> None:
        if message.data.strip():
            self.on_event(Typed(now(self.node), message.data.strip()))

    def on_hush(self, request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self.on_event(HushRequested(now(self.node)))
        response.success, response.message = True, f'silent since epoch {self.machine.epoch}'
        return response

    def on_seen(self, text: str) -> None:
        """Something that somebody wanted to be told of was seen."""
        self._seen.append(text)
        self.on_remark(text)

    def on_remark(self, text: str) -> None:
        """Something is to be told, unasked."""
        self.on_event(Noticed(now(self.node), text))

    def on_notice(self, message: String) -> None:
        """Another node of the robot has something to tell, as it is."""
        text = ' '.join(message.data.split())[:LONGEST_NOTICE]
        if text:
            self.on_remark(text)

    def on_own_skill(self, call: Call) -> None:
        """What needs no hands. What is to be remembered is in the dialogue already."""
        t, given = now(self.node), call.arguments
        if call.skill.name == 'stop':
            self.inbox.put(HushRequested(t))
        elif call.skill.name == 'what_do_you_see':
            self.inbox.put(Typed(t, 'What do you see?'))
        elif call.skill.name == 'forget':
            last_s = given.get('last')
            self.recall.forget(str(given.get('person', '')),
                               None if last_s is None else t - float(last_s), None)
        elif call.skill.name == 'set_volume':
            self.loudness.set(given)

    def on_result(self, result: Event | Answer | Recalled | Inspected | Forgotten) -> None:
        if isinstance(result, OmniAgentError):
            self.health.trouble('language model', WARN, f'{result}; deciding without it')
            self._stand_still()
        elif isinstance(result, Loaded):
            self.health.well(result.part)
        elif isinstance(result, Unable):
            self.health.trouble(result.part, WARN, result.why)
        elif isinstance(result, Planned):
            self._on_planned(result)
        elif isinstance(result, Recalled):
            self._on_recalled(result)
        elif isinstance(result, Inspected):
            self._on_inspected(result)
        elif isinstance(result, Forgotten):
            self.memory = self.memory if result.error else Memory(self.params.max_turns)
            said = self.recall.on_forgotten(result)
            if said:
                self.on_remark(said)
        elif isinstance(result, Margined):
            self.lookout.margined(result)
        else:
            self.on_event(result)

    def on_event(self, event: Event) -> None:
        at = now(self.node)
        if isinstance(event, Transcript) and event.final and event.text_echo < OWN:
            self.recall.spoke(person_of(event.cues), event.t)
        elif isinstance(event, Typed):
            self.recall.spoke(NOBODY, event.t)
        if isinstance(event, (Judged, Weighed)):
            self._judged(event)
        effects = self.machine.step(event, at)
        self.trace.step(event, at, effects)
        self.perform(effects)
        if isinstance(event, (SpeechStarted, SpeechStopped)):
            self.lookout.floor(isinstance(event, SpeechStarted), event.t)
        elif isinstance(event, SceneChanged):
            self.recall.saw(event.t, event.text, event.salience)
        elif isinstance(event, PlaceEntered):
            self.recall.entered(event.place, event.t)

    def _judged(self, event: Judged | Weighed) -> None:
        """A model has said to whom that was said, or whether it is over."""
        is_judge = isinstance(event, Judged)
        name = ADDRESSEE if is_judge else ENDING
        said = event.margin if is_judge else event.ending
        why = 'nobody knows' if said is None else f'{said:+.2f}' if is_judge else f'{said:.2f}'
        took_ms = self.answering.took_ms(name, time.monotonic())
        self.answering.heard(event.utterance, Step(name, f'"{event.text}": {why}', took_ms))

    # -- effects become messages ------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._perform(effect)
        self.alarm.set(self.machine.deadline())
        self.listening.keep()
        self._show()

    def _perform(self, effect: Effect) -> None:
        if isinstance(effect, Interrupt):
            self._interrupt(effect)
            if effect.reason in HALTING:
                self.hands.halted(self._halted, goes_on=effect.reason is Reason.SUPERSEDED)
        elif isinstance(effect, React):
            self._react(effect)
        elif isinstance(effect, Remember):
            self.memory.add(effect)
            self.recall.remember(effect, now(self.node))
        elif isinstance(effect, EndInstructions):
            self._end_instructions(effect)
        elif isinstance(effect, Weigh):
            self.answering.asked(ENDING, time.monotonic())
            self.opinions.weigh(effect)
        elif isinstance(effect, Judge):
            self.answering.asked(ADDRESSEE, time.monotonic())
            self.opinions.judge(effect)
        elif isinstance(effect, Overheard):
            self.recall.overheard(effect, now(self.node))

    def _end_instructions(self, effect: EndInstructions) -> None:
        """'Stop telling me' silences the robot, and is meant for later as well."""
        reply = self.lookout.stopped(effect.text)
        if reply is not None:
            self.inbox.put(Noticed(now(self.node), reply.text))      # a step of its own

    def _interrupt(self, effect: Interrupt) -> None:
        if effect.reason in HALTING:
            self._halted = max(self._halted, effect.epoch - 1)
        message = InterruptMsg(epoch=effect.epoch, ducked=effect.ducked,
                               reason=effect.reason.value, halted=self._halted)
        message.header.stamp = stamp(now(self.node))
        message.evidence = stamp(effect.evidence or 0.0)
        self.interrupts.publish(message)
        self.health.count(f'interrupt {effect.reason.name.lower()}')

    def _stand_still(self) -> None:
        """Who has lost what it judges people's words with does not drive on. It is no new epoch:
        what is being said or asked goes on.
        """
        if self.hands.moves:
            self._halted = self.machine.epoch
            self._interrupt(Interrupt(self._halted, bool(self.machine.view().voice.value),
                                      Reason.LOST))
            self.hands.halted(self._halted, goes_on=False)
            self.inbox.put(Noticed(now(self.node), NO_JUDGE))

    def _react(self, effect: React) -> None:
        """To be said as it is, about watching, something to do, about the past, or for the
        language model, in this order.
        """
        self._react_now = effect
        known = self._prepared
        if effect.say:
            self._begin_route(effect)
            say = self.lookout.checked(effect.say) if effect.say in self._seen else effect.say
            self._publish_react(effect, Prepared(effect.epoch, effect.brief, say))
        elif (known.epoch, known.brief) == (effect.epoch, effect.brief):
            self.hands.put_off(effect)
            self._publish_react(effect, known)
        elif self._looking_up != (effect.epoch, effect.brief):
            self._look_up(effect)

    def _look_up(self, effect: React) -> None:
        """Who thinks about it aside comes back in an event, when ``_react_now`` may have another
        time.
        """
        self._looking_up = effect.epoch, effect.brief
        self._begin_route(effect)
        began = time.monotonic()
        said = (self.listening.answer(effect.brief)
                or self.lookout.answer(effect.epoch, effect.brief) or self.hands.answer(effect))
        why = ('may ask for a skill' if isinstance(said, Unclear) else 'nothing to do'
               if said is None else 'it is a request')
        self.answering.add(Step(PHRASES, why, 1000 * (time.monotonic() - began)))
        if isinstance(said, Unclear):
            self.answering.asked(SKILLS, time.monotonic())
            self.opinions.plan(effect)
        elif said is not None:
            self._publish_react(effect, Prepared(effect.epoch, effect.brief, said))
        else:
            self._ask_past(effect)

    def _ask_past(self, effect: React) -> None:
        if not self.recall.ask(effect.epoch, effect.brief, now(self.node)):
            self._look_closer(effect)

    def _look_closer(self, effect: React) -> None:
        """Only where memory has no answer: a new look costs a second of the processor."""
        over = self.inspection.looked_over(effect.brief) if self.senses.sees else None
        if over is not None:
            self.answering.add(over)
        if not self.senses.sees or not self.inspection.ask(effect):
            self._publish_react(effect, Prepared(effect.epoch, effect.brief))

    def _on_planned(self, planned: Planned) -> None:
        effect = self._react_now
        if effect is not None and (planned.epoch, planned.brief) == (effect.epoch, effect.brief):
            said = self.hands.settle(effect, planned.found)
            self.answering.add(Step(SKILLS, 'none fits' if said is None else 'one fits',
                                    self.answering.took_ms(SKILLS, time.monotonic())))
            if said is None:
                self._ask_past(effect)
            else:
                self._publish_react(effect, Prepared(effect.epoch, effect.brief, said))

    def _on_recalled(self, found: Recalled) -> None:
        effect = self._react_now
        if effect is not None and found.epoch == effect.epoch == self.machine.epoch:
            self.answering.add(answer_route.searched(found.route, len(found.lines), found.seconds))
            if found.say or found.lines:
                self._publish_react(
                    effect,
                    Prepared(effect.epoch, effect.brief, found.say, found.lines, found.route))
            else:
                self._look_closer(effect)

    def _on_inspected(self, found: Inspected) -> None:
        if found.seen:
            self.recall.saw(now(self.node), found.seen, SEEN_CLOSELY)
        effect = self._react_now
        if effect is not None and found.epoch == effect.epoch == self.machine.epoch:
            self.answering.add(answer_route.inspected(found.seen or found.say, found.seconds))
            self._publish_react(
                effect, Prepared(effect.epoch, effect.brief, found.say, seen=found.seen))

    def _publish_react(self, effect: React, known: Prepared) -> None:
        self._prepared, self._looking_up = known, None
        self._used = self._rests_on(effect, known)
        history = [DialogueTurn(role=line.role.value, text=line.text, truncated=line.truncated)
                   for line in self._history(known.seen)]
        message = ReactMsg(epoch=effect.epoch, brief=effect.brief, say=known.say,
                           recalled=list(known.lines), history=history,
                           not_before=stamp(effect.not_before))
        message.header.stamp = stamp(now(self.node))
        self.reacts.publish(message)
        self.routes.tell(effect.epoch, effect.brief,
                         self.answering.done(effect.epoch, effect.brief))
        if not self.node.count_publishers('playback'):
            self.lookout.confirmed(effect.epoch)
            # nobody will ever say that it was
            self.inbox.put(Played(now(self.node), effect.epoch, '', False))

    def _begin_route(self, effect: React) -> None:
        """Of an answer, or of what is said unasked."""
        heard = None if self.machine.typed or effect.say else self.machine.view().utterance
        self.answering.begin(effect.epoch, effect.brief, heard)
        if effect.say:
            who = LOOKOUT if effect.say in self._seen else 'notice'
            self.answering.add(Step(who, f'unasked: "{effect.say}"'))

    def _history(self, seen: str = '') -> list[Line]:
        """What the camera showed is no news once it is gone; ``seen``: by a closer look."""
        lines = [
            line for line in self.memory.history()
            if line.role is not Role.SCENE or self.senses.sees
        ]
        if seen and self.senses.sees:
            lines = [*(line for line in lines if line.role is not Role.SCENE),
                     Line(Role.SCENE, seen, False)]
        return lines if self.senses.sees else [*lines, Line(Role.SCENE, NO_EYES, False)]

    def _rests_on(self, effect: React, known: Prepared) -> tuple[str, ...]:
        """The senses that this decision used."""
        if effect.say:
            return ('vision', ) if any(seen in effect.say for seen in self._seen) else ('notice', )
        used = ['typed' if self.machine.typed else 'audio']
        if self.senses.sees and LOOKING & set(words(effect.brief)):
            used.append('vision')
        return (*used, 'memory') if known.route else tuple(used)

    def _show(self) -> None:
        view = self.machine.view()
        watching = [item.sentence for item in self.lookout.items]
        shown = (view, tuple(watching), self.hands.doing, self._prepared.route, self.senses.flags,
                 self._used)
        if shown == self._shown:
            return
        self._shown = shown
        score = view.score
        state = AgentState(epoch=view.epoch, person=view.person.value, agent=view.agent.value,
                           ducked=bool(view.voice.value), utterance=view.utterance, text=view.text,
                           addressee_score=score.probability if score else math.nan,
                           verdict=score.verdict.value if score else AgentState.UNSURE,
                           evidence_names=[name for name, _ in score.evidence] if score else [],
                           evidence_values=[value for _, value in score.evidence] if score else [],
                           why=view.why, watching=watching, doing=self.hands.doing,
                           route=self._prepared.route, senses=self.senses.flags, used=list(
                               self._used))
        state.header.stamp = stamp(now(self.node))
        self.states.publish(state)

    def rest(self) -> None:
        """A node that is not there cannot end what it began."""
        self.on_event(HushRequested(now(self.node)))

    def close(self) -> None:
        self.opinions.close(self.recall.close)


def _state_folder(given: str, namespace: str) -> Path | None:
    """Of this agent: each namespace has its own."""
    if given == 'none':
        return None
    base = Path(given).expanduser() if given else Path(
        os.environ.get('XDG_STATE_HOME') or Path.home() / '.local' / 'state', 'omni_agent')
    return base / (namespace.strip('/').replace('/', '-') or 'agent')


def main() -> None:
    run(Decision, Urgency.EXECUTOR)


if __name__ == '__main__':
    main()
