"""``react`` -> ``speech``: the model writes, the voice speaks the sentence before, and both check
the epoch.
"""

from __future__ import annotations

import array
import time
from collections import Counter, deque
from dataclasses import dataclass, replace
from typing import Iterator, Sequence

import numpy as np
from omni_agent_msgs.msg import Interrupt, Look, Percept, Playback, React, SpeechChunk

from omni_agent.backends import RATE, Message, Spent, load, watching
from omni_agent.core import answer_route, claims, dialogue
from omni_agent.core.answer_route import CLAIMS, LLM, VOICE, Step
from omni_agent.core.epoch import Admission, EpochGate
from omni_agent.core.errors import OmniAgentError
from omni_agent.core.events import Remember, Role
from omni_agent.core.filler import Filler
from omni_agent.core.looks import looked
from omni_agent.core.memory import Line, Memory
from omni_agent.core.pacing import Pacer
from omni_agent.core.params import param
from omni_agent.core.speech import chunks, sentences
from omni_agent.core.track import Track
from omni_agent.core.watch_events import Looked
from omni_agent.core.words import words

from . import qos
from .health import ERROR, WARN, Health
from .node import join
from .parameters import declare
from .route_trace import RouteTrace
from .shell import main as run
from .stamps import now, pace, seconds, stamp
from .threads import Alarm, Inbox, Worker, close_all


@dataclass(frozen=True)
class ReactionParams:
    """Who writes, who speaks."""

    llm: str = param(
        'qwen2_5_0_5b',
        'model that writes the reply: a manifest name, a .gguf file, the http(s) address '
        'of an OpenAI-compatible server, or fake')
    llm_model: str = param('', 'model name that the server expects')
    llm_threads: int = param(2, 'threads of an embedded model', 1, 64)
    max_tokens: int = param(80, 'longest reply [tokens]', 1, 4096, live=True)
    max_sentences: int = param(3,
                               'longest reply [sentences]; small models do not know when to stop',
                               1, 100, live=True)
    tts: str = param('hibari', 'voice: hibari, flite, or fake')
    persona: str = param('', 'system prompt; empty = the one shipped', live=True)
    max_turns: int = param(
        12, 'turns that the decision node keeps; only used to read the next prompt ahead', 2, 200)
    ahead_s: float = param(1.5, 'speech sent ahead of playback, at most [s]', 0.2, 10.0, live=True)
    filler: str = param(
        '', 'spoken where a reply would otherwise begin with filler_after_s of silence, e.g. '
        '"Let me think."; empty = never', live=True)
    filler_after_s: float = param(1.5,
                                  'silence after the end of the turn that needs no filler [s]',
                                  0.3, 10.0, live=True)
    apology: str = param('Sorry, I cannot think right now.',
                         'spoken when the language model fails; empty = silence', live=True)


ROLES = frozenset(role.value for role in Role)
PARAMETERS = (('', ReactionParams),)     # (prefix, dataclass): what is declared below


@dataclass(frozen=True)
class Piece:
    """A chunk of speech on its way from the voice to the topic."""

    epoch: int
    samples: np.ndarray
    text: str
    last: bool


@dataclass(frozen=True)
class Asked:
    """What is to be said: the answer to ``brief``, or ``say`` as it is."""

    epoch: int
    history: tuple[Line, ...] = ()
    brief: str = ''
    say: str = ''
    recalled: tuple[str, ...] = ()


NOTHING = Asked(0)
BLIND_S = 5.0            # a look that is older says nothing about what is there
UNSEEN = 'I am not sure what I see.'
DONE = {claims.Support.HEDGE: 'hedged', claims.Support.WITHHOLD: 'withheld'}


@dataclass(frozen=True)
class Doubted:
    """A sentence claimed to see what was not seen: it was hedged, or withheld."""

    epoch: int
    sentence: str
    what: str
    why: str


@dataclass(frozen=True)
class Loaded:
    """A model is ready."""

    part: str


@dataclass(frozen=True)
class Written:
    """A reply was written as it should be, in so many seconds; ``first_s``: until its first word.
    Of what is said as it is, nothing was written.
    """

    epoch: int
    seconds: float = 0.0
    first_s: float = 0.0
    spent: Spent | None = None


@dataclass(frozen=True)
class Voiced:
    """A sentence was made sound, in so many seconds."""

    epoch: int
    seconds: float


@dataclass
class Writing:
    """What a reply costs the writer; its thread's own."""

    began: float             # [s, monotonic]
    first_s: float = 0.0
    spent: Spent | None = None           # so far, where the model counts

    def over(self, epoch: int) -> Written:
        return Written(epoch, time.monotonic() - self.began, self.first_s, self.spent)


class Reaction:
    """Two workers, writer and voice; the executor thread paces what they make."""

    def __init__(self) -> None:
        self.node = join('reaction')
        self.params = declare(self.node, ReactionParams, changed=self.on_params)
        self.gate = EpochGate()
        self.pacer = Pacer(self.params.ahead_s)
        self.outbox: deque[Piece] = deque()
        self.filler = Filler(self.params.filler_after_s)
        self._filler_sound: list[Piece] = []            # of epoch 0, until it is needed
        self._memory = Memory(self.params.max_turns)
        self._asked = NOTHING                           # the newest reply
        self.node.create_subscription(Interrupt, 'interrupt', self.on_interrupt, qos.STATE)
        self.node.create_subscription(React, 'react', self.on_react, qos.REACT)
        self.node.create_subscription(Playback, 'playback', self.on_playback, qos.PLAYBACK)
        self.node.create_subscription(Percept, 'percept', self.on_percept, qos.PERCEPT)
        self.node.create_subscription(Look, 'look', self.on_look, qos.LOOK)
        self.node.create_subscription(Look, 'inspected', self.on_inspected, qos.LOOK)
        self._look: Look | None = None           # the newest one: what may be claimed to be seen
        self._close: Look | None = None          # the newest closer one
        self._words = watching.watch_words('en')
        self.health = Health(self.node)
        self.routes = RouteTrace(self.node, self.health)
        self._worked_at = NOTHING                # the newest reply, also when it was cut off
        self._work: dict[str, Step] = {}         # who works at it, by specialist
        self.speech = self.node.create_publisher(SpeechChunk, 'speech', qos.SPEECH)
        # a whole reply fits: max_tokens of speech are a few hundred chunks
        self.inbox: Inbox[Piece | Loaded | Doubted | Written | Voiced | OmniAgentError] = Inbox(
            self.node, self.on_result, limit=4096)
        self.node.create_timer(0.05, self.send, clock=pace(self.node))
        self._filler_alarm = Alarm(self.node, self.fill_silence)
        self.llm, self.tts = None, None
        self.writer = Worker('writer', self.inbox.put)
        self.voice = Worker('voice', self.inbox.put, limit=256)
        for part in ('language model', 'voice'):
            self.health.trouble(part, WARN, 'loading')
        self.voice.submit(self._load_voice)
        self.writer.submit(self._load_llm)

    def _load_voice(self) -> None:
        self.tts = load.tts(self.params.tts)
        self._sound_filler()
        self.inbox.put(Loaded('voice'))

    def _sound_filler(self) -> None:
        if self.tts is not None:
            self._filler_sound = [Piece(0, samples, text, last=False)
                                  for samples, text in self._sound(self.params.filler)]

    def _load_llm(self) -> None:
        llm = load.llm(self.params.llm, threads=self.params.llm_threads,
                       model=self.params.llm_model)
        llm.warm(self._messages([], 'Hello.'))
        self.llm = llm
        self.inbox.put(Loaded('language model'))

    # -- messages ---------------------------------------------------------------------------------

    def on_interrupt(self, message: Interrupt) -> None:
        seen = self.gate.admit(message.epoch)
        if seen is Admission.STALE:
            return
        if seen is Admission.NEWER:
            self.flush(message.epoch)
        self.pacer.lower(message.ducked)
        self.send()

    def on_react(self, message: React) -> None:
        seen = self.gate.admit(message.epoch)
        if seen is Admission.STALE:
            self.health.count('stale intentions')
            return
        if seen is Admission.NEWER:
            self.flush(message.epoch)
        self.pacer.hold(seconds(message.not_before))
        if message.epoch == self._asked.epoch and message.brief == self._asked.brief:
            self.filler.moved(seconds(message.not_before), now(self.node))
            self._filler_alarm.set(self.filler.due if self.params.filler else None)
            # the turn is over sooner or later than was thought
            return
        history = tuple(
            Line(Role(turn.role), turn.text, turn.truncated) for turn in message.history
            if turn.role in ROLES)
        asked = Asked(message.epoch, history, message.brief, message.say, tuple(message.recalled))
        self._tell_route()                       # of a reply that was cut off in the writing
        self._asked = self._worked_at = asked
        self.filler.asked(message.epoch, seconds(message.not_before), now(self.node))
        self._filler_alarm.set(self.filler.due if self.params.filler else None)
        self.writer.submit(lambda: self._write(asked))

    def on_playback(self, message: Playback) -> None:
        if message.epoch == self.gate.epoch and message.rate:
            self.pacer.played(message.samples_played / message.rate, now(self.node))
            self.send()
        if (message.state in (Playback.FINISHED, Playback.FLUSHED)
                and message.epoch == self._asked.epoch):
            self._heard(message)

    def on_percept(self, percept: Percept) -> None:
        """What a person is saying will probably be in the next prompt: the first sound comes 0.1 s
        earlier for it.
        """
        # while it speaks, recognition needs the cores
        if percept.kind == Percept.PARTIAL and self._asked is NOTHING:
            self._read(percept.text.rstrip(' .,?!'))

    def on_look(self, message: Look) -> None:
        self._look = message

    def on_inspected(self, message: Look) -> None:
        self._close = message

    def _heard(self, message: Playback) -> None:
        """The next prompt will begin with what was just said and heard: have it read while nobody
        waits.
        """
        asked, self._asked = self._asked, NOTHING
        self._memory = Memory(self.params.max_turns)
        for line in (*asked.history, Line(Role.PERSON, '' if asked.say else asked.brief, False),
                     Line(Role.ROBOT, message.heard, message.state == Playback.FLUSHED)):
            self._memory.add(Remember(line.role, line.text, line.truncated))
        self._read('')

    def _read(self, text: str) -> None:
        """Into the prompt cache, if the writer has nothing to write. Never on a server: nobody
        knows yet whom it is for.
        """
        if self.llm is not None and self.writer.idle and not load.is_server(self.params.llm):
            messages = self._messages(self._memory.history(), text)
            self.writer.submit(lambda: self.llm.warm(messages))

    def fill_silence(self) -> None:
        """Nothing of the reply is ready yet, and it has been or will be a long time."""
        if self.filler.due is not None and not self.outbox:
            self.outbox.extend(
                replace(piece, epoch=self.gate.epoch) for piece in self._filler_sound)
            self.filler.void()
            self.health.count('fillers')
            self.send()

    def flush(self, epoch: int) -> None:
        self.filler.void()
        self.health.count('chunks void', len(self.outbox))
        self.outbox.clear()
        self.pacer.begin(epoch)

    def on_result(self,
                  result: Piece | Loaded | Doubted | Written | Voiced | OmniAgentError) -> None:
        if isinstance(result, Piece):
            if result.last and result.epoch == self._worked_at.epoch:
                self._tell_route()
            if not self.gate.is_stale(result.epoch):
                self.filler.sounded(result.epoch, now(self.node))
                self.outbox.append(result)
                self.send()
        elif isinstance(result, Loaded):
            self.health.well(result.part)
        elif isinstance(result, Doubted):
            self.health.count(f'claims: {result.what}')
            self.node.get_logger().info(f'"{result.sentence}" {result.what}: {result.why}')
            if result.epoch == self._worked_at.epoch:
                self._work[CLAIMS] = answer_route.doubted(result.sentence, result.what, result.why,
                                                          self._work.get(CLAIMS))
        elif isinstance(result, Written):
            self.health.well('reply')
            if result.epoch == self._worked_at.epoch and result.seconds:
                self._work[LLM] = answer_route.written(result.seconds, result.first_s,
                                                       result.spent)
        elif isinstance(result, Voiced):
            if result.epoch == self._worked_at.epoch:
                self._work[VOICE] = answer_route.voiced(result.seconds, self._work.get(VOICE))
        else:
            self.health.count('failures')
            self.health.trouble('reply', ERROR, str(result))

    def _tell_route(self) -> None:
        """Who wrote and spoke the newest reply, to its end or as far as it came."""
        self.routes.tell(self._worked_at.epoch, self._worked_at.brief, [*self._work.values()])
        self._work = {}

    def send(self) -> None:
        """Publish what may be published now; the rest waits here, where an interrupt reaches
        it.
        """
        while self.outbox and self.pacer.may_send(now(self.node)):
            piece = self.outbox.popleft()
            if self.gate.is_stale(piece.epoch):
                continue
            chunk = SpeechChunk(epoch=piece.epoch, sequence=self.pacer.sequence, rate=RATE,
                                samples=array.array('h', piece.samples.tobytes()), text=piece.text,
                                last=piece.last)
            chunk.header.stamp = stamp(now(self.node))
            self.speech.publish(chunk)
            self.pacer.sent(piece.samples.size / RATE, now(self.node))
            self.health.count('chunks')

    # -- the writer's thread ----------------------------------------------------------------------

    def _write(self, asked: Asked) -> None:
        epoch, limit = asked.epoch, None if asked.say else self.params.max_sentences
        writing = Writing(time.monotonic())
        tokens = ((token for token in [asked.say]) if asked.say else self._fresh(asked, writing))
        try:
            for sentence in sentences(tokens, limit):
                text = sentence if asked.say else self._checked(asked, sentence)
                self.voice.submit(lambda text=text: self._speak(epoch, text))
            self.inbox.put(Written(epoch) if asked.say else writing.over(epoch))
        except OmniAgentError as error:
            self.inbox.put(error)
            if self.params.apology:
                self.voice.submit(lambda: self._speak(epoch, self.params.apology))
        finally:
            tokens.close()                    # the model stops writing
        self.voice.submit(
            lambda: self.inbox.put(Piece(epoch, np.zeros(0, np.int16), '', last=True)))

    def _fresh(self, asked: Asked, writing: Writing) -> Iterator[str]:
        """The model's tokens for as long as anybody wants them; closing the stream cancels the
        request.
        """
        # it could not be loaded at first; a server may be up by now
        if self.llm is None:
            self._load_llm()
        messages = self._messages(asked.history, asked.brief, asked.recalled)
        stream = self.llm.stream(messages, max_tokens=self.params.max_tokens)
        try:
            for token in stream:              # empty ones are signs of life
                if self.gate.is_stale(asked.epoch):
                    return
                if token and not writing.first_s:
                    writing.first_s = time.monotonic() - writing.began
                    self.health.values['first token [s]'] = f'{writing.first_s:.3f}'
                writing.spent = getattr(token, 'spent', writing.spent)
                yield token
        finally:
            stream.close()

    def _checked(self, asked: Asked, sentence: str) -> str:
        """What it claims to see is seen: hedged or taken back otherwise. In a story there may be a
        bear.
        """
        if not dialogue.LOOKING & {*words(asked.brief), *words(sentence)}:
            return sentence
        look, t = looked(self._look) if self._look else None, now(self.node)
        sees = look is not None and t - look.t <= BLIND_S
        verdict = claims.supported(sentence, self._seen(look, t), t, self._words, sees)
        if verdict.support is not claims.Support.SUPPORTED:
            self.inbox.put(Doubted(asked.epoch, sentence, DONE[verdict.support], verdict.why))
        return sentence if verdict.support is claims.Support.SUPPORTED else verdict.text or UNSEEN

    def _seen(self, look: Looked | None, t: float) -> tuple[Track, ...]:
        """What a closer look found besides, while it is news: it knows more of each kind, or as
        much.
        """
        tracks = look.tracks if look else ()
        close = looked(self._close) if self._close else None
        if close is None or t - close.t > BLIND_S:
            return tracks
        found = tuple(track for track in close.tracks if track.hits)
        more = {label for label, count in Counter(track.label for track in found).items()
                if count > sum(track.label == label for track in tracks)}
        return (*(track for track in tracks if track.label not in more),
                *(track for track in found if track.label in more))

    def _messages(self, history: Sequence[Line], brief: str,
                  recalled: Sequence[str] = ()) -> list[Message]:
        return [
            Message(role, text)
            for role, text in dialogue.reply(history, brief, self.params.persona, recalled)
        ]

    # -- the voice's thread -----------------------------------------------------------------------

    def _speak(self, epoch: int, sentence: str) -> None:
        if self.gate.is_stale(epoch):
            return
        if self.tts is None:
            self._load_voice()
        began = time.monotonic()
        for samples, text in self._sound(sentence):
            if self.gate.is_stale(epoch):
                return
            self.inbox.put(Piece(epoch, samples, text, last=False))
        self.inbox.put(Voiced(epoch, time.monotonic() - began))

    def _sound(self, text: str) -> Iterator[tuple[np.ndarray, str]]:
        for speech in self.tts.stream(text) if text else ():
            yield from chunks(speech.samples, speech.words)

    def on_params(self, params: ReactionParams) -> None:
        self.pacer.ahead_s, self.filler.limit_s = params.ahead_s, params.filler_after_s
        self.voice.submit(self._sound_filler)

    def rest(self) -> None:
        """What is being written is void, and does not go on when the node wakes."""
        self.gate.admit(self.gate.epoch + 1)
        self.flush(self.gate.epoch)
        self._asked = NOTHING

    def close(self) -> None:
        self.gate.admit(self.gate.epoch + 1)      # whatever is being written is void
        close_all((self.writer, self.voice))


def main() -> None:
    run(Reaction)


if __name__ == '__main__':
    main()
