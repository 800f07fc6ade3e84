"""``image_raw`` -> ``look``: the robot's eyes, which never wait for anything and nothing waits
for.

The newest picture wins: one is being looked at, one may wait, an older one that waits is
overtaken.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from omni_agent_msgs.msg import Look
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from omni_agent.backends import Detection, Detector, FaceFinder, load
from omni_agent.backends.engines import Attempt, NoEngine, choices, diagnosis
from omni_agent.backends.face_watch import FacesSeen, FaceWatch
from omni_agent.backends.watcher import Watcher
from omni_agent.core.errors import BackendError, OmniAgentError, WireError
from omni_agent.core.frame_skip import FrameSkipParams, SkipFigures
from omni_agent.core.cues import FACE
from omni_agent.core.lips import LipsInTime, Speaker
from omni_agent.core.params import param
from omni_agent.core.scene_news import News, SceneNews
from omni_agent.core.tracks import TracksParams

from . import qos
from .arrival import Arrival
from .health import WARN, Health
from .images import to_bgr, to_jpeg
from .lateness import Lateness
from .look_writer import look_message
from .overlay import Made, Overlay, Wanted
from .parameters import declare
from .senses import Ready, Sense
from .stamps import pace, seconds
from .threads import Inbox

PART = 'detector'
KEYFRAME = 160           # [px] widest keyframe: enough to recognise a scene by, 3 to 6 kB
# [periods] a picture may come early: the clocks of camera and watcher are not the same
EARLY = 0.3
# the longest that calm pictures go without a detector; looks themselves never rest
SPARE_S = 2.0
# a picture older than this is of a clock that was set back, or of a recording that began anew
BACK_S = 1.0


@dataclass(frozen=True)
class WatchingParams:
    """What looks at the pictures, on what, and how often."""

    detector: str = param('nanodet', 'object detector: nanodet, fake, or none')
    engine: str = param(
        'auto', 'what the detector runs on: auto, or in the order to be tried and with commas '
        'between: tensorrt, tensorrt_rtx, ort-cuda, ort-cpu')
    engine_strict: bool = param(False, 'the first of them or none')
    faces: str = param(
        'mediapipe',
        'which way people look and whether their lips move: mediapipe, or none. 3 % of '
        'a core for somebody who moves, and 10 MB', choices=('mediapipe', 'none'))
    faces_hz: float = param(
        2.5, 'pictures in which faces are measured per second, while people are there and move '
        '[Hz]', 0.1, 30.0, live=True)
    watch_hz: float = param(
        5.0, 'pictures looked at per second, at most as many as the camera sends; 10 where there '
        'are cores to spare [Hz]', 0.5, 60.0, live=True)
    scene_s: float = param(2.0,
                           'what is seen is told when it changes, and at least this often [s]',
                           0.1, 60.0, live=True)
    field_of_view_deg: float = param(
        60.0, 'horizontal field of view, by which markers are placed [degrees]', 10.0, 170.0)


@dataclass(frozen=True)
class Sight:
    """What looks at the pictures; ``wrong``: why nobody looks at faces although somebody
    should.
    """

    detect: Detector
    faces: FaceFinder | None
    wrong: str = ''

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return getattr(self.detect, 'attempts', ())

    def close(self) -> None:
        for model in (self.detect, self.faces):
            close = getattr(model, 'close', None)
            if close is not None:
                close()


@dataclass(frozen=True)
class Seen:
    """What became of a picture: messages for whoever subscribes, and ``news`` of the scene taken
    at ``t``.
    """

    t: float
    look: Look
    made: Made
    news: News | None
    seconds: float
    figures: SkipFigures
    faces: FacesSeen


class Watching:
    """Owned by the executor thread; tracks and what is derived from them belong to the worker of
    the detector.
    """

    def __init__(self, node: Node, health: Health, inbox: Inbox) -> None:
        self.node, self.health, self.inbox = node, health, inbox
        self.params = declare(node, WatchingParams, changed=self._on_params)
        self.tracks = declare(node, TracksParams, 'tracks')
        # a wrong name ends the node before anything is loaded
        choices(self.params.engine)
        self._sight: Sight | None = None         # None: not loaded, or detached
        self._lips = LipsInTime()
        # what, and the share done; written by the worker
        self._compiling: tuple[str, float] | None = None
        self._lateness = Lateness(health, 'pace of the detector',
                                  'lower watch_hz, or give it a faster engine')
        self._next = 0.0                         # [s, monotonic]
        self._spare_until = 0.0                  # [s, monotonic]
        self.looks = node.create_publisher(Look, 'look', qos.LOOK)
        self.overlay = Overlay(node, health, self.params.field_of_view_deg)
        # the worker's own
        self._model: Detector | None = None      # for as long as it looks
        self._faces = FaceWatch(self.params.faces_hz)
        self._watcher = Watcher(self._boxes, self.tracks, declare(node, FrameSkipParams, 'skip'),
                                self._faces)
        self._news = SceneNews(self.params.scene_s)
        self._t = 0.0                            # of the last look; never goes back
        self._ahead_s = 0.0                      # of that time to the stamps
        self.sense = Sense(node, health, inbox, 'see', {PART: self._load}, self._subscribe,
                           self._take, limit=1)
        self.arrival = Arrival(node, health, 'camera', 'pictures', 'image_raw',
                               lambda: self.sense.attached)
        node.create_timer(1.0, self._tell_compiling, clock=pace(node))

    def _on_params(self, params: WatchingParams) -> None:
        self._news.every_s, self._faces.hz = params.scene_s, params.faces_hz

    def _load(self) -> Sight | None:
        """Worker thread. Nothing but faces goes missing with their networks."""
        def watch(what: str, share: float) -> None:
            self._compiling = (what, share)

        try:
            detect = load.detector(self.params.detector, 1, self.tracks.keep_score,
                                   self.params.engine, self.params.engine_strict, watch)
        finally:
            self._compiling = None
        if detect is None:
            return None
        try:
            return Sight(
                detect,
                load.faces(self.params.faces, 1, self.params.engine, self.params.engine_strict))
        except OmniAgentError as error:
            return Sight(detect, None, str(error))

    def _tell_compiling(self) -> None:
        if self._compiling is not None:
            what, share = self._compiling
            self.health.progress(PART, f'compiling {what}: {100 * share:.0f} %')

    def _subscribe(self) -> list[Subscription]:
        return [self.node.create_subscription(Image, 'image_raw', self.on_image, qos.IMAGE_IN)]

    def _take(self, part: str, model: Sight | None) -> None:
        self._sight, self._lips = model, LipsInTime()
        self._tell_engines(model.attempts if model is not None else ())
        self._tell_faces(model)

    def _tell_faces(self, sight: Sight | None) -> None:
        if sight is not None and sight.wrong:
            self.health.trouble('faces', WARN, f'{sight.wrong}; nobody looks at faces')
        else:
            self.health.well('faces')
        runs = (dict.fromkeys(one.name for one in getattr(sight.faces, 'attempts', ())
                              if one.ok) if sight else ())
        self.health.values['faces'] = (f'{self.params.faces} on {", ".join(runs)}'
                                       if runs else 'not looked at')

    def on_ready(self, result: Ready) -> None:
        self.sense.on_ready(result)
        if isinstance(result.error, NoEngine):
            self._tell_engines(result.error.attempts)

    def _tell_engines(self, attempts: tuple[Attempt, ...]) -> None:
        for key in [key for key in self.health.values if key.startswith('engine ')]:
            del self.health.values[key]
        wrong, values = diagnosis(attempts)
        self.health.values.update(values)
        if not wrong and self.params.engine != 'auto' and attempts and not attempts[0].ok:
            wrong = f'{attempts[0].name} was asked for and cannot be had: {attempts[0].detail}'
        if wrong and attempts[-1].ok:            # else the part itself is in trouble
            self.health.trouble('engine', WARN, f'{wrong}; {attempts[-1].name} runs')
        else:
            self.health.well('engine')

    # -- pictures ---------------------------------------------------------------------------------

    def on_image(self, image: Image) -> None:
        self.health.count('images')
        self.arrival.came()
        sight = self._sight
        if sight is None or not self._is_due(time.monotonic()):
            return
        wanted = self.overlay.wanted()
        if not seconds(image.header.stamp):      # some drivers send none: then it is from now
            image.header.stamp = self.node.get_clock().now().to_msg()
        worker = self.sense.workers[PART]
        spare = time.monotonic() < self._spare_until
        worker.submit(lambda: self._look(sight, image, wanted, spare))
        self.health.counters['pictures overtaken'] = worker.dropped

    def spare(self, on: bool) -> None:
        """A person waits for the first sound of a reply: what hardly changes can wait, for SPARE_S
        at most.
        """
        self._spare_until = time.monotonic() + SPARE_S if on else 0.0

    def _is_due(self, t: float) -> bool:
        period = 1.0 / self.params.watch_hz
        if t < self._next - EARLY * period:
            return False
        self._next = max(self._next, t - EARLY * period) + period
        return True

    def _look(self, sight: Sight, message: Image, wanted: Wanted, spare: bool) -> None:
        """Worker thread."""
        try:
            image = to_bgr(message)
            t = self._steady_time(seconds(message.header.stamp))
            self._model, self._faces.find = sight.detect, sight.faces
            watched = self._watcher.look(image, t, spare)
        except WireError as error:
            self.inbox.put(Ready('camera', error=error))
            return
        finally:
            self._model = self._faces.find = None
        looked = watched.looked
        news = self._news.step(t, looked.tracks, looked.events)
        changed = bool(looked.events) or (news is not None and news.changed)
        figures = self._watcher.figures()
        look = look_message(message.header, (message.width, message.height), watched, figures,
                            self._keyframe(image) if changed else b'', self._ahead_s)
        made = self._made(wanted, message, image, looked.tracks, watched.faces)
        self.inbox.put(
            Seen(t - self._ahead_s, look, made, news, watched.seconds, figures, watched.faces))

    def _boxes(self, image: np.ndarray) -> list[Detection]:
        assert self._model is not None, 'looked without a detector'
        return self._model(image)

    def _steady_time(self, t: float) -> float:
        """Tracks need a time that does not go back. Raises WireError for a picture that is no
        newer than the last.
        """
        if self._t and t + self._ahead_s <= self._t - BACK_S:
            self._ahead_s = self._t + 1.0 / self.params.watch_hz - t
        if t + self._ahead_s <= self._t:
            raise WireError(
                f'a picture of {t:.3f} s, no newer than the one before: send acquisition times')
        self._t = t + self._ahead_s
        return self._t

    def _keyframe(self, image: np.ndarray) -> bytes:
        try:
            return to_jpeg(image, KEYFRAME)
        except BackendError as error:
            self.inbox.put(Ready('keyframes', error=error))
            return b''

    def _made(self, wanted: Wanted, message: Image, image: np.ndarray, tracks: tuple,
              faces: FacesSeen) -> Made:
        try:
            return self.overlay.make(wanted, message.header, image, tracks, faces.faces)
        except BackendError as error:
            self.inbox.put(Ready('overlay', error=error))
            return []

    def on_seen(self, seen: Seen) -> None:
        if not self.sense.attached:
            return
        for part in ('camera', PART):
            self.health.well(part)
        self.health.count('looks')
        if seen.faces.fresh:
            self.health.count('looks at faces')
        if (seen.faces.fresh
                or self._sight is not None and self._sight.faces and not seen.faces.faces):
            self._lips.seen(seen.t, seen.faces.faces)
        self.health.values['pictures skipped'] = f'{100 * seen.figures.skip_share:.0f} %'
        if not seen.look.skipped:
            self._lateness.did(seen.seconds, 1.0 / self.params.watch_hz)
        self.health.values['time saved by skipping'] = f'{seen.figures.saved_ms / 1000:.1f} s'
        self.looks.publish(seen.look)
        for publisher, message in seen.made:
            publisher.publish(message)

    # -- whose voice it is ------------------------------------------------------------------------

    def heard(self, t: float, probability: float) -> None:
        """That the frame of sound that ended at ``t`` holds speech of people."""
        self._lips.heard(t, probability)

    def speaker(self, since: float) -> Speaker | None:
        """Whose lips moved most in time with what was heard since then; None where no face
        tells.
        """
        return self._lips.speaker(since)

    def cues(self, since: float) -> tuple[tuple[str, float], ...]:
        """What faces say about an utterance that began then, and whose it is, for
        Percept.cue_names and cue_values.
        """
        speaker = self._lips.speaker(since)
        known = speaker is not None and speaker.likelihood > 0.5
        return (*self._lips.cues(since), *(((FACE, float(speaker.track)),) if known else ()))

    def close(self) -> None:
        self.sense.close()
