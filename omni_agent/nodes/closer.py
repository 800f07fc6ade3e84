"""``inspect`` -> ``inspected``, and ``look_for`` -> more tracks in ``look``: the slow look of the
perception node, with networks and a thread of its own. The always-on look never waits for it.

Nothing is loaded before somebody asks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from omni_agent_msgs.msg import Look
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image
from std_msgs.msg import Bool, String

from omni_agent.backends import Detection, load
from omni_agent.backends.closer_look import CloserLook, any_words
from omni_agent.backends.pictures import to_bgr
from omni_agent.core.frame_skip import FrameSkip, FrameSkipParams
from omni_agent.core.params import param
from omni_agent.core.track import TrackEvent
from omni_agent.core.word_tracks import WordsParams, WordTracks

from . import qos
from .health import Health
from .look_writer import add_tracks, found_message
from .parameters import declare
from .stamps import seconds
from .threads import Inbox, Worker

PART = 'closer look'
BUSY = 4                 # a look that takes a second is followed by three of rest
EVERY_S = 30.0           # a picture that never changes is compared this often all the same


@dataclass(frozen=True)
class CloserParams:
    """What looks closer."""

    open_vocabulary: str = param(
        'siglip_base',
        'text-image encoder, by which things can be looked for that the detector has no name for: '
        'siglip_base, a folder with two towers and a tokenizer, or none. Used where its files are')


PARAMETERS = (('', CloserParams), ('words', WordsParams))


@dataclass(frozen=True)
class ExaminedPicture:
    """A picture that was asked about: what is in it, and how well the words of the question fit
    it.
    """

    message: Image
    things: list[Detection]
    fits: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Compared:
    """How well what is looked for fits a picture taken at ``t``; ``seconds`` without loading."""

    t: float
    fits: dict[str, float]
    seconds: float


class Closer:
    """Owned by the executor thread. ``offer`` it each picture; ``add`` puts what is known by words
    into a look.
    """

    def __init__(self, node: Node, health: Health, detector: str, engine: str,
                 engine_strict: bool) -> None:
        self.node, self.health = node, health
        self._detector = detector, engine, engine_strict
        params = declare(node, CloserParams)
        self.tracks = WordTracks(declare(node, WordsParams, 'words'))
        self._make_words, self._why = any_words(params.open_vocabulary)
        self._inbox: Inbox[ExaminedPicture | Compared] = Inbox(node, self._on_result)
        self.worker: Worker | None = None        # that of the sense: it drops the networks, too
        self._look: CloserLook | None = None     # None: detached
        self._wanted: tuple[str, ...] = ()       # phrases that are looked for all the time
        self._asked: str | None = None           # '' = only to look closely
        self._events: list[TrackEvent] = []
        self._skip = FrameSkip(FrameSkipParams(every_s=EVERY_S))     # the worker's own
        self._next = 0.0                         # [s, monotonic]
        self._inspected = node.create_publisher(Look, 'inspected', qos.LOOK)
        self._able = node.create_publisher(Bool, 'any_words', qos.STATE)

    def subscribe(self) -> list[Subscription]:
        return [self.node.create_subscription(String, 'inspect', self._on_inspect, qos.PERCEPT),
                self.node.create_subscription(String, 'look_for', self._on_look_for, qos.STATE)]

    def attach(self) -> CloserLook:
        """On any thread: loads nothing."""
        name, engine, strict = self._detector
        return CloserLook(lambda: load.detector(name, 1, None, engine, strict), self._make_words)

    def take(self, look: CloserLook | None) -> None:
        self._look = look
        self._able.publish(Bool(data=look is not None and look.knows_any_words))
        self.health.values['any words'] = self._why or 'can be looked for'
        if look is None:
            self._asked, self._events = None, []
            self.tracks.want(())
        else:
            self.tracks.want(self._wanted)

    # -- what is asked for ------------------------------------------------------------------------

    def _on_inspect(self, message: String) -> None:
        self._asked = message.data.strip()

    def _on_look_for(self, message: String) -> None:
        """Phrases with commas between them."""
        phrases = [' '.join(part.split()) for part in message.data.split(',')]
        self._wanted = tuple(dict.fromkeys(filter(None, phrases)))
        self.tracks.want(self._wanted)
        self._next = 0.0
        self.health.values['looked for by words'] = ', '.join(self._wanted) or 'nothing'

    # -- pictures ---------------------------------------------------------------------------------

    def offer(self, message: Image) -> None:
        """The newest picture. Nearly always nobody wants it."""
        look = self._look
        if look is None or self.worker is None:
            return
        if self._asked is not None:
            phrase, self._asked = self._asked, None
            self.worker.submit(lambda: self._inspect(look, message, phrase))
        elif (self._wanted and look.knows_any_words and time.monotonic() >= self._next
              and self.worker.idle):
            self._next = time.monotonic() + self.tracks.params.every_s
            phrases, expecting = self._wanted, self.tracks.expecting
            self.worker.submit(lambda: self._compare(look, message, phrases, expecting))

    def _inspect(self, look: CloserLook, message: Image, phrase: str) -> None:
        """Worker thread."""
        began, image = time.monotonic(), to_bgr(message)
        things = look.things(image)
        fits = look.fits(image, (phrase,) if phrase else ())
        self._inbox.put(ExaminedPicture(message, things, fits, time.monotonic() - began))

    def _compare(self, look: CloserLook, message: Image, phrases: tuple[str, ...],
                 expecting: bool) -> None:
        """Worker thread."""
        began, image, t = time.monotonic(), to_bgr(message), seconds(message.header.stamp)
        if self._skip.wants(image, t, expecting):
            loaded = look.has_words
            fits = look.fits(image, phrases)
            self._inbox.put(Compared(t, fits, time.monotonic() - began if loaded else 0.0))

    def _on_result(self, result: ExaminedPicture | Compared) -> None:
        self.health.well(PART)
        self.health.values['last closer look [s]'] = f'{result.seconds:.2f}'
        if isinstance(result, Compared):
            self.health.count('pictures compared with words')
            self._next = max(self._next, time.monotonic() + (BUSY - 1) * result.seconds)
            self._events += self.tracks.look(result.fits, result.t)
        elif self._look is not None:
            self.health.count('closer looks')
            self._inspected.publish(
                found_message(result.message, result.things, result.fits, self.tracks.params.there,
                              result.seconds))

    def add(self, look: Look) -> None:
        """What is known by its words, and what has become of it, into a look on its way."""
        if self._wanted:
            events, self._events = self._events, []
            add_tracks(look, self.tracks.now(seconds(look.header.stamp)), events)
