"""``image_raw`` -> ``look``: the robot's eyes, which never wait for anything and nothing waits
for.

The newest picture wins: one is being looked at, one may wait, an older one that waits is
overtaken.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
from omni_agent_msgs.msg import Look
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image

from omni_agent.backends import eyes
from omni_agent.backends.closer_look import CloserLook
from omni_agent.backends.engines import CPU, Attempt, NoEngine, choices, diagnosis
from omni_agent.backends.eyes import Eyes, Glance, Sight, WatchingParams, WatchPace
from omni_agent.backends.face_watch import FacesSeen
from omni_agent.backends.image_embedding import ImageEmbedding
from omni_agent.backends.pictures import to_bgr, to_jpeg
from omni_agent.core.errors import BackendError, OmniAgentError, WireError
from omni_agent.core.fovea import FoveaParams
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.lips import LipsInTime, Speaker
from omni_agent.core.scene_news import News
from omni_agent.core.sense_vectors import Vector, sketch
from omni_agent.core.tracks import TracksParams

from . import qos
from .arrival import Arrival
from .closer import PART as CLOSER
from .closer import Closer
from .health import WARN, Health
from .lateness import Lateness
from .look_writer import look_message
from .overlay import Made, Overlay, Wanted
from .parameters import declare
from .senses import Ready, Sense
from .stamps import pace, seconds
from .threads import Inbox

PART = 'detector'
OLD_S = 5.0              # from which on a picture says nothing about now
KEYFRAME = 160           # [px] widest keyframe: enough to recognise a scene by, 3 to 6 kB


@dataclass(frozen=True)
class Seen:
    """What became of a picture, and the messages for whoever subscribes."""

    glance: Glance
    look: Look
    made: Made
    vector: Vector = ()      # of a picture that is told of

    @property
    def t(self) -> float:
        """When it was taken."""
        return self.glance.t

    @property
    def news(self) -> News | None:
        """Of the scene."""
        return self.glance.news

    @property
    def seconds(self) -> float:
        return self.glance.watched.seconds


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
        self._described: tuple[float, Vector] = (0.0, ())      # when it was taken
        # what, and the share done; written by the worker
        self._compiling: tuple[str, float] | None = None
        self._lateness = Lateness(health, 'pace of the detector',
                                  'lower watch_hz, or give it a faster engine')
        self._pace = WatchPace(self.params)      # monotonic
        self.looks = node.create_publisher(Look, 'look', qos.LOOK)
        self.overlay = Overlay(node, health, self.params.field_of_view_deg)
        # the worker's own
        self._eyes = Eyes(self.params, self.tracks, declare(node, FrameSkipParams, 'skip'),
                          declare(node, FoveaParams, 'fovea'))
        self.closer = Closer(node, health, self.params.detector, self.params.engine,
                             self.params.engine_strict)
        self.sense = Sense(node, health, inbox, 'see', {
            PART: self._load,
            CLOSER: self.closer.attach
        }, self._subscribe, self._take, limit=1)
        self.closer.worker = self.sense.workers[CLOSER]
        self.arrival = Arrival(node, health, 'camera', 'pictures', 'image_raw',
                               lambda: self.sense.attached)
        node.create_timer(1.0, self._tell_compiling, clock=pace(node))

    def _on_params(self, params: WatchingParams) -> None:
        self._eyes.changed(params)

    def _load(self) -> Sight | None:
        """Worker thread."""
        def watch(what: str, share: float) -> None:
            self._compiling = (what, share)

        try:
            sight = eyes.sight(self.params, self.tracks.keep_score, watch)
            return sight and replace(sight, describe=self._describer())
        finally:
            self._compiling = None

    def _describer(self) -> ImageEmbedding | None:
        """Worker thread. One picture every other second needs no GPU, and has the same vector
        without one.
        """
        if self.params.picture_vector == 'none':
            return None
        try:
            return ImageEmbedding(engines=CPU)
        except OmniAgentError as error:
            self.inbox.put(Ready('picture vectors', error=error))
            return None

    def _tell_compiling(self) -> None:
        if self._compiling is not None:
            what, share = self._compiling
            self.health.progress(PART, f'compiling {what}: {100 * share:.0f} %')

    def _subscribe(self) -> list[Subscription]:
        return [self.node.create_subscription(Image, 'image_raw', self.on_image, qos.IMAGE_IN),
                *self.closer.subscribe()]

    def _take(self, part: str, model: Sight | CloserLook | None) -> None:
        if part == CLOSER:
            self.closer.take(model)
            return
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
        if not seconds(image.header.stamp):      # some drivers send none: then it is from now
            image.header.stamp = self.node.get_clock().now().to_msg()
        self.closer.offer(image)
        sight = self._sight
        if sight is None or not self._pace.is_due(time.monotonic()):
            return
        wanted = self.overlay.wanted()
        worker = self.sense.workers[PART]
        spare = self._pace.is_spare(time.monotonic())
        worker.submit(lambda: self._look(sight, image, wanted, spare))
        self.health.counters['pictures overtaken'] = worker.dropped

    def spare(self, on: bool) -> None:
        """A person waits for the first sound of a reply: what hardly changes can wait."""
        self._pace.spare(on, time.monotonic())

    def _look(self, sight: Sight, message: Image, wanted: Wanted, spare: bool) -> None:
        """Worker thread."""
        try:
            image = to_bgr(message)
            glance = self._eyes.look(sight, image, seconds(message.header.stamp), spare)
        except WireError as error:
            self.inbox.put(Ready('camera', error=error))
            return
        watched = glance.watched
        look = look_message(message.header, (message.width, message.height), watched,
                            glance.figures, self._keyframe(image) if glance.is_changed else b'',
                            glance.ahead_s)
        made = self._made(wanted, message, image, watched.looked.tracks, watched.faces)
        vector = self._vector(sight, image) if glance.news is not None else ()
        self.inbox.put(Seen(glance, look, made, vector))

    def _vector(self, sight: Sight, image: np.ndarray) -> Vector:
        """Of this picture and nothing else."""
        return sketch(sight.describe(image)) if sight.describe is not None else ()

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
        if seen.vector:
            self._described = seen.t, seen.vector
        faces, figures = seen.glance.watched.faces, seen.glance.figures
        if faces.fresh:
            self.health.count('looks at faces')
        if seen.glance.tells_faces:
            self._lips.seen(seen.t, faces.faces)
        self.health.count('closer looks', seen.glance.watched.crops)
        self.health.values['pictures skipped'] = f'{100 * figures.skip_share:.0f} %'
        if not seen.look.skipped:
            self._lateness.did(seen.seconds, 1.0 / self.params.watch_hz)
        self.health.values['time saved by skipping'] = f'{figures.saved_ms / 1000:.1f} s'
        self.closer.add(seen.look)
        self.looks.publish(seen.look)
        for publisher, message in seen.made:
            publisher.publish(message)

    def vector(self, t: float) -> Vector:
        """Of the newest picture that was told of by ``t``; () where there is none of late."""
        seen_s, vector = self._described
        fresh = abs(t - seen_s) < max(OLD_S, 2 * self.params.scene_s)
        return vector if self.sense.attached and fresh else ()

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
        return self._lips.cues(since)

    def close(self) -> None:
        self.sense.close()
