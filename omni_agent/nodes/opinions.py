"""The models that the decision node asks, each on a thread of its own: to whom something was said,
whether a sentence is over, whether to speak up unasked, and what a request means in steps.

No question waits for an answer: whatever comes back, also that nothing will, comes through
``tell``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Union

from omni_agent.backends import Message, load
from omni_agent.core import prompts
from omni_agent.core.end_of_turn import PUNCTUATION
from omni_agent.core.errors import OmniAgentError
from omni_agent.core.events import Judge, Judged, React, Weigh, Weighed
from omni_agent.core.params import param
from omni_agent.core.skill_plan import Declined, Plan, Planner
from omni_agent.core.watch_events import AskModel, Margined

from .health import WARN, Health
from .threads import Worker, close_all


@dataclass(frozen=True)
class OpinionParams:
    """Who judges."""

    llm: str = param(
        'qwen2_5_0_5b',
        'model that judges whom an unclear utterance was meant for: a manifest name, a '
        '.gguf file, the http(s) address of an OpenAI-compatible server, fake, or none')
    llm_model: str = param('', 'model name that the server expects')
    llm_threads: int = param(1, 'threads of an embedded model', 1, 64)
    sentence_end: str = param(
        'smollm2_135m', 'small language model that says whether a sentence is over: a manifest '
        'name, a .gguf file, fake, or none')
    side_talk_to_server: bool = param(
        False, 'a language model on a server may be asked whom unclear words were meant for: '
        'other people\'s talk leaves the robot then; one in this process is asked in any case')


@dataclass(frozen=True)
class Loaded:
    """A model is ready, or has answered again."""

    part: str


@dataclass(frozen=True)
class Unable:
    """A model is not."""

    part: str
    why: str


@dataclass(frozen=True)
class Planned:
    """What the language model made of a request in words that no phrase covers; None: nothing."""

    epoch: int
    brief: str
    found: Plan | Declined | None


Answer = Union[Loaded, Unable, Judged, Weighed, Planned, Margined, OmniAgentError]


class Opinions:
    """An ``OmniAgentError`` among the answers is the language model's."""

    def __init__(self, params: OpinionParams, health: Health,
                 tell: Callable[[Answer], None]) -> None:
        self.params, self.health, self.tell = params, health, tell
        self.planner: Planner | None = None
        self.llm = None
        self.worker = Worker('judge', tell, limit=4)
        self.endings, self.weigher = None, Worker('weigher', tell)

    @property
    def there(self) -> bool:
        """Whether there is a language model, or will be."""
        return self.params.llm != 'none'

    def load(self) -> None:
        if self.params.sentence_end != 'none':
            self.health.trouble('sentence end', WARN, 'loading')
            self.weigher.submit(self._load_endings)
        if self.there:
            self.health.trouble('language model', WARN, 'loading')
            self.worker.submit(self._load)

    # -- questions --------------------------------------------------------------------------------

    def judge(self, effect: Judge) -> None:
        """Words that may be other people's leave this process only where that was switched on."""
        if self.there and (self.params.side_talk_to_server
                           or not load.is_server(self.params.llm)):
            self.worker.submit(lambda: self._judge(effect))
        else:
            self.health.count('unclear words that no model was asked about')
            self.tell(Judged(effect.utterance, effect.text, None))

    def weigh(self, effect: Weigh) -> None:
        """One that nobody answers changes nothing."""
        if self.endings is not None:
            self.weigher.submit(lambda: self._weigh(effect))

    def plan(self, react: React) -> None:
        self.worker.submit(lambda: self._plan(react))

    def silence(self, effect: AskModel) -> None:
        """Whether to speak up unasked, where that is wanted."""
        if self.there:
            self.worker.submit(lambda: self.tell(Margined(effect.key, self._silence(effect))))
        else:
            self.tell(Margined(effect.key, None))

    def close(self, meanwhile: Callable[[], None]) -> None:
        """``meanwhile``: what else takes its time while the last answers come."""
        for worker in (self.worker, self.weigher):
            worker.shut()
        meanwhile()
        close_all((self.worker, self.weigher))

    # -- on the workers' threads ------------------------------------------------------------------

    def answer(self, messages: Sequence[Message], schema: Mapping[str, object],
               max_tokens: int = 64) -> str:
        """Under a JSON schema; for the planner."""
        try:
            if self.llm is None:
                self._load()
            found = self.llm.answer(messages, schema, max_tokens)
        except OmniAgentError as error:
            # the planner declines and goes on; a robot that drives has to know at once
            self.tell(error)
            raise
        self.tell(Loaded('language model'))
        return found

    def _load(self) -> None:
        llm = load.llm(self.params.llm, threads=self.params.llm_threads,
                       model=self.params.llm_model)
        llm.warm([Message(role, text) for role, text in prompts.judge('Hello.')])
        self.llm = llm
        if self.planner is not None:
            self.planner.warm()
        self.tell(Loaded('language model'))

    def _judge(self, effect: Judge) -> None:
        messages = [Message(role, text) for role, text in prompts.judge(effect.text)]
        try:
            # it could not be loaded at first; a server may be up by now
            if self.llm is None:
                self._load()
            margin = self.llm.margin(messages)
            self.tell(Loaded('language model'))
            self.tell(Judged(effect.utterance, effect.text, margin))
        except OmniAgentError as error:
            self.tell(error)
            self.tell(Judged(effect.utterance, effect.text, None))

    def _plan(self, react: React) -> None:
        try:
            found = self.planner.plan(react.brief)
        except OmniAgentError as error:
            self.tell(error)
            found = None
        self.tell(Planned(react.epoch, react.brief, found))

    def _silence(self, effect: AskModel) -> float | None:
        if self.llm is None:
            self._load()
        return self.llm.margin([Message(role, text) for role, text in effect.prompt()])

    def _load_endings(self) -> None:
        try:
            self.endings = load.sentence_end(self.params.sentence_end)
        except OmniAgentError as error:
            self.tell(Unable('sentence end', f'{error}; pauses are told from ends without it'))
        else:
            self.tell(Loaded('sentence end'))

    def _weigh(self, effect: Weigh) -> None:
        try:
            ending = self.endings(effect.text.rstrip(PUNCTUATION))
        except OmniAgentError as error:
            self.tell(Unable('sentence end', str(error)))
            ending = None
        self.tell(Weighed(effect.utterance, effect.text, ending))
