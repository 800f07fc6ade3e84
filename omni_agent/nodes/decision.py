"""``percept`` and ``playback`` -> ``interrupt`` and ``react``. The only writer of epochs."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from omni_agent_msgs.msg import AgentState, DialogueTurn, Look, Percept, Playback
from omni_agent_msgs.msg import Interrupt as InterruptMsg
from omni_agent_msgs.msg import React as ReactMsg
from std_msgs.msg import String
from std_srvs.srv import Trigger

from omni_agent.backends import Message, addressee_model, languages, load
from omni_agent.core import prompts
from omni_agent.core.addressee import Addressee, AddresseeParams
from omni_agent.core.attention import Attention, AttentionParams
from omni_agent.core.end_of_turn import PUNCTUATION
from omni_agent.core.epoch import first_epoch
from omni_agent.core.errors import OmniAgentError
from omni_agent.core.events import (
    HALTING, Effect, EndInstructions, Event, HushRequested, Interrupt, Judge, Judged, Noticed,
    Played, Playing, React, Reason, Remember, Role, SceneChanged, SoundStarted, SpeechStarted,
    SpeechStopped, Tick, Transcript, Typed, Weigh, Weighed)
from omni_agent.core.dialogue import LOOKING
from omni_agent.core.memory import Line, Memory
from omni_agent.core.params import param
from omni_agent.core.skill_plan import Unclear
from omni_agent.core.skills import Call
from omni_agent.core.speak_up import AskModel, Margined
from omni_agent.core.turn import TurnMachine, TurnParams
from omni_agent.core.words import words

from . import qos
from .alive import Alive
from .decision_trace import DecisionTrace
from .hands import PARAMETERS as OF_HANDS
from .hands import Hands, Planned
from .health import WARN, Health
from .heartbeat import Heartbeat
from .lookout import PARAMETERS as OF_LOOKOUT
from .listening import Listening
from .lookout import Lookout
from .loudness import Loudness
from .looks import looked
from .node import join
from .parameters import declare
from .recall import PARAMETERS as OF_RECALL
from .recall import Forgotten, Recall, Recalled
from .shell import Urgency
from .shell import main as run
from .stamps import now, seconds, stamp
from .threads import Alarm, Inbox, Worker


@dataclass(frozen=True)
class DecisionParams:
    """Who judges, and how much is remembered."""

    llm: str = param(
        'qwen2_5_0_5b',
        'model that judges whom an unclear utterance was meant for: a manifest name, a '
        '.gguf file, the http(s) address of an OpenAI-compatible server, fake, or none')
    llm_model: str = param('', 'model name that the server expects')
    llm_threads: int = param(1, 'threads of an embedded model', 1, 64)
    sentence_end: str = param(
        'smollm2_135m', 'small language model that says whether a sentence is over: a manifest '
        'name, a .gguf file, fake, or none')
    weights: str = param(
        'hand',
        'what tells whom an utterance was meant for: rules set by hand, or weights fitted to '
        'voice, '
        'source, dialogue and camera as well: better in the bench, stricter after other people\'s '
        'talk',
        choices=('hand', 'fitted'))
    languages: str = param(
        'en', 'codes of the languages that are spoken, the likeliest first, separated by commas')
    state: str = param(
        '', 'folder for what outlasts a restart, standing instructions and memory; empty = below '
        '~/.local/state (XDG_STATE_HOME), by namespace; none = nothing is kept')
    max_turns: int = param(
        12, 'turns of dialogue kept, at most; the older half goes when they are exceeded', 2, 200)


NO_EYES = 'nothing, because it is off'
LONGEST_NOTICE = 300     # [characters] that another node may have said
PARAMETERS = (
    ('', DecisionParams),
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


@dataclass(frozen=True)
class Loaded:
    """A model is ready."""

    part: str


@dataclass(frozen=True)
class Unable:
    """A model is not."""

    part: str
    why: str


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
        self.machine = TurnMachine(turn, addressee, first_epoch(time.time()),
                                   languages.lexicon(self.params.languages), attention)
        self.memory = Memory(self.params.max_turns)
        self.health = Health(self.node)
        self.trace = DecisionTrace(self.node, self.health, self.machine, self.params.languages)
        self.interrupts = self.node.create_publisher(InterruptMsg, 'interrupt', qos.STATE)
        self.reacts = self.node.create_publisher(ReactMsg, 'react', qos.REACT)
        self.states = self.node.create_publisher(AgentState, 'agent_state', qos.STATE)
        # what moves since that epoch or before has to stand still
        self._halted = 0
        # at once: opening a memory may take the disk seconds
        for effect in self.machine.start():
            self._interrupt(effect)
        self.heartbeat = Heartbeat(self.node)
        self.inbox: Inbox[Event | Loaded | Unable | Planned | Recalled | Forgotten | Margined
                          | OmniAgentError] = Inbox(self.node, self.on_result)
        self.alarm = Alarm(self.node, lambda: self.on_event(Tick(now(self.node))))
        self.llm = None
        self.worker = Worker('judge', self.inbox.put, limit=4)
        self.endings, self.weigher = None, Worker('weigher', self.inbox.put)
        if self.params.sentence_end != 'none':
            self.health.trouble('sentence end', WARN, 'loading')
            self.weigher.submit(self._load_endings)
        state = _state_folder(self.params.state, self.node.get_namespace())
        self.lookout = Lookout(self.node, self.health, self.params.languages, state
                               and state / 'instructions.json', self.on_remark, self._ask_silence,
                               lambda: self.senses.sees)
        self.recall = Recall(self.node, self.health, state and state / 'memory.db', self.inbox.put)
        self.senses = Alive(self.node, self._show)
        self.hands = Hands(self.node, self.health, self.params.languages,
                           addressee.params.name.split(','),
                           None if self.params.llm == 'none' else self, self.inbox.put,
                           self.on_own_skill)
        self.loudness = Loudness(self.node, self.on_remark)
        self.listening = Listening(self.node, self.health, self.machine.attention, self.inbox.put)
        self._react_now: React | None = None     # the newest intention
        # epoch and brief that somebody thinks about, aside
        self._looking_up: tuple[int, str] | None = None
        self._prepared = Prepared(0, '')
        self._used: tuple[str, ...] = ()
        self._shown: tuple | None = None
        if self.params.llm != 'none':
            self.health.trouble('language model', WARN, 'loading')
            self.worker.submit(self._load)
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
        event = _event(percept)
        if event is None:
            self.health.count('percepts of unknown kind')
        else:
            self.on_event(event)

    def on_look(self, message: Look) -> None:
        self.health.count('looks')
        self.senses.news(AgentState.SEES)
        look = looked(message)
        self.listening.on_look(message)
        self.lookout.on_look(look)
        self.recall.on_look(look, bytes(message.keyframe))

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

    def on_remark(self, text: str) -> None:
        """Something that somebody wanted to be told of has come about."""
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

    def on_result(
        self, result: Event | Loaded | Unable | Planned | Recalled | Forgotten | Margined |
        OmniAgentError
    ) -> None:
        if isinstance(result, OmniAgentError):
            self.health.trouble('language model', WARN, f'{result}; deciding without it')
        elif isinstance(result, Loaded):
            self.health.well(result.part)
        elif isinstance(result, Unable):
            self.health.trouble(result.part, WARN, result.why)
        elif isinstance(result, Planned):
            self._on_planned(result)
        elif isinstance(result, Recalled):
            self._on_recalled(result)
        elif isinstance(result, Forgotten):
            self.memory = self.memory if result.error else Memory(self.params.max_turns)
            self.recall.on_forgotten(result)
        elif isinstance(result, Margined):
            self.lookout.margined(result)
        else:
            self.on_event(result)

    def on_event(self, event: Event) -> None:
        at = now(self.node)
        effects = self.machine.step(event, at)
        self.trace.step(event, at, effects)
        self.perform(effects)
        if isinstance(event, (SpeechStarted, SpeechStopped)):
            self.lookout.floor(isinstance(event, SpeechStarted), event.t)
        elif isinstance(event, SceneChanged):
            self.recall.saw(event.t, event.text, event.salience)

    # -- effects become messages ------------------------------------------------------------------

    def perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self._perform(effect)
        self.alarm.set(self.machine.deadline())
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
        elif isinstance(effect, Weigh) and self.endings is not None:
            self.weigher.submit(lambda: self._weigh(effect))
        elif isinstance(effect, Judge) and self.params.llm != 'none':
            self.worker.submit(lambda: self._judge(effect))
        elif isinstance(effect, Judge):          # a Weigh that nobody answers changes nothing
            self.inbox.put(Judged(effect.utterance, effect.text, None))

    def _end_instructions(self, effect: EndInstructions) -> None:
        """'Stop telling me' silences the robot, and is meant for later as well."""
        reply = self.lookout.stopped(effect.text)
        if reply is not None:
            self.inbox.put(Noticed(now(self.node), reply.text))      # a step of its own

    def _interrupt(self, effect: Interrupt) -> None:
        if effect.reason in HALTING:
            self._halted = effect.epoch - 1
        message = InterruptMsg(epoch=effect.epoch, ducked=effect.ducked,
                               reason=effect.reason.value, halted=self._halted)
        message.header.stamp = stamp(now(self.node))
        message.evidence = stamp(effect.evidence or 0.0)
        self.interrupts.publish(message)
        self.health.count(f'interrupt {effect.reason.name.lower()}')

    def _react(self, effect: React) -> None:
        """To be said as it is, about watching, something to do, about the past, or for the
        language model, in this order.
        """
        self._react_now = effect
        known = self._prepared
        if effect.say:
            self._publish_react(effect, Prepared(effect.epoch, effect.brief, effect.say))
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
        said = (self.listening.answer(effect.brief)
                or self.lookout.answer(effect.epoch, effect.brief) or self.hands.answer(effect))
        if isinstance(said, Unclear):
            self.worker.submit(lambda: self._plan(effect))
        elif said is not None:
            self._publish_react(effect, Prepared(effect.epoch, effect.brief, said))
        else:
            self._ask_past(effect)

    def _ask_past(self, effect: React) -> None:
        if not self.recall.ask(effect.epoch, effect.brief, now(self.node)):
            self._publish_react(effect, Prepared(effect.epoch, effect.brief))

    def _on_planned(self, planned: Planned) -> None:
        effect = self._react_now
        if effect is not None and (planned.epoch, planned.brief) == (effect.epoch, effect.brief):
            said = self.hands.settle(effect, planned.found)
            if said is None:
                self._ask_past(effect)
            else:
                self._publish_react(effect, Prepared(effect.epoch, effect.brief, said))

    def _on_recalled(self, found: Recalled) -> None:
        effect = self._react_now
        if effect is not None and found.epoch == effect.epoch == self.machine.epoch:
            self._publish_react(
                effect, Prepared(effect.epoch, effect.brief, found.say, found.lines, found.route))

    def _publish_react(self, effect: React, known: Prepared) -> None:
        self._prepared, self._looking_up = known, None
        self._used = self._rests_on(effect, known)
        history = [DialogueTurn(role=line.role.value, text=line.text, truncated=line.truncated)
                   for line in self._history()]
        message = ReactMsg(epoch=effect.epoch, brief=effect.brief, say=known.say,
                           recalled=list(known.lines), history=history,
                           not_before=stamp(effect.not_before))
        message.header.stamp = stamp(now(self.node))
        self.reacts.publish(message)
        if not self.node.count_publishers('playback'):
            self.lookout.confirmed(effect.epoch)
            # nobody will ever say that it was
            self.inbox.put(Played(now(self.node), effect.epoch, '', False))

    def _history(self) -> list[Line]:
        """What the camera showed is no news once it is gone."""
        lines = [
            line for line in self.memory.history()
            if line.role is not Role.SCENE or self.senses.sees
        ]
        return lines if self.senses.sees else [*lines, Line(Role.SCENE, NO_EYES, False)]

    def _rests_on(self, effect: React, known: Prepared) -> tuple[str, ...]:
        """The senses that this decision used."""
        if effect.say:
            return ('vision',)
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
                           evidence_names=[name for name, _ in score.evidence] if score else [],
                           evidence_values=[value for _, value in score.evidence] if score else [],
                           why=view.why, watching=watching, doing=self.hands.doing,
                           route=self._prepared.route, senses=self.senses.flags, used=list(
                               self._used))
        state.header.stamp = stamp(now(self.node))
        self.states.publish(state)

    # -- the language model, on its own thread ----------------------------------------------------

    def _load(self) -> None:
        llm = load.llm(self.params.llm, threads=self.params.llm_threads,
                       model=self.params.llm_model)
        llm.warm([Message(role, text) for role, text in prompts.judge('Hello.')])
        self.llm = llm
        if self.hands.planner is not None:
            self.hands.planner.warm()
        self.inbox.put(Loaded('language model'))

    def _judge(self, effect: Judge) -> None:
        messages = [Message(role, text) for role, text in prompts.judge(effect.text)]
        try:
            # it could not be loaded at first; a server may be up by now
            if self.llm is None:
                self._load()
            self.inbox.put(Judged(effect.utterance, effect.text, self.llm.margin(messages)))
        except OmniAgentError as error:
            self.inbox.put(error)
            self.inbox.put(Judged(effect.utterance, effect.text, None))

    def answer(self, messages: Sequence[Message], schema: Mapping[str, object],
               max_tokens: int = 64) -> str:
        """Under a JSON schema; for the planner, on the worker's thread."""
        if self.llm is None:
            self._load()
        return self.llm.answer(messages, schema, max_tokens)

    def _plan(self, effect: React) -> None:
        try:
            found = self.hands.planner.plan(effect.brief)
        except OmniAgentError as error:
            self.inbox.put(error)
            found = None
        self.inbox.put(Planned(effect.epoch, effect.brief, found))

    def _ask_silence(self, effect: AskModel) -> None:
        """Whether to speak up unasked, where that is wanted."""
        if self.params.llm == 'none':
            self.inbox.put(Margined(effect.key, None))
        else:
            self.worker.submit(lambda: self.inbox.put(Margined(effect.key, self._silence(effect))))

    def _silence(self, effect: AskModel) -> float | None:
        if self.llm is None:
            self._load()
        return self.llm.margin([Message(role, text) for role, text in effect.prompt()])

    def _load_endings(self) -> None:
        try:
            self.endings = load.sentence_end(self.params.sentence_end)
        except OmniAgentError as error:
            self.inbox.put(Unable('sentence end',
                                  f'{error}; pauses are told from ends without it'))
        else:
            self.inbox.put(Loaded('sentence end'))

    def _weigh(self, effect: Weigh) -> None:
        try:
            ending = self.endings(effect.text.rstrip(PUNCTUATION))
        except OmniAgentError as error:
            self.inbox.put(Unable('sentence end', str(error)))
            ending = None
        self.inbox.put(Weighed(effect.utterance, effect.text, ending))

    def rest(self) -> None:
        """A node that is not there cannot end what it began."""
        self.on_event(HushRequested(now(self.node)))

    def close(self) -> None:
        self.recall.close()
        self.worker.close()
        self.weigher.close()


def _state_folder(given: str, namespace: str) -> Path | None:
    """Of this agent: each namespace has its own."""
    if given == 'none':
        return None
    base = Path(given).expanduser() if given else Path(
        os.environ.get('XDG_STATE_HOME') or Path.home() / '.local' / 'state', 'omni_agent')
    return base / (namespace.strip('/').replace('/', '-') or 'agent')


def _event(percept: Percept) -> Event | None:
    t = seconds(percept.header.stamp)
    if percept.kind == Percept.SOUND_STARTED:
        return SoundStarted(t)
    if percept.kind == Percept.SPEECH_STARTED:
        return SpeechStarted(t, percept.utterance)
    if percept.kind == Percept.SPEECH_STOPPED:
        return SpeechStopped(t, percept.utterance, percept.voiced_s)
    if percept.kind in (Percept.PARTIAL, Percept.FINAL):
        turn_end = (None
                    if math.isnan(percept.turn_end_probability) else percept.turn_end_probability)
        return Transcript(t, percept.utterance, percept.text, percept.kind == Percept.FINAL,
                          percept.voiced_s, turn_end, percept.echo_likelihood,
                          percept.text_echo_likelihood, percept.level_dbfs or None,
                          tuple(zip(percept.cue_names, percept.cue_values)))
    if percept.kind == Percept.SCENE:
        return SceneChanged(t, percept.text, percept.salience)
    return None


def main() -> None:
    run(Decision, Urgency.EXECUTOR)


if __name__ == '__main__':
    main()
