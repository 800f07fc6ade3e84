"""From pictures to looks: the only place where pace, a time that does not go back, the watcher,
faces and news of the scene come together. The node feeds it at the pace of the camera, a replay
at that of the disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Sequence

import numpy as np

from omni_agent.backends import Detection, Detector, FaceFinder, load
from omni_agent.backends.engines import Attempt
from omni_agent.backends.face_watch import FaceWatch
from omni_agent.backends.image_embedding import ImageEmbedding
from omni_agent.backends.watcher import Watched, Watcher
from omni_agent.core.errors import OmniAgentError, WireError
from omni_agent.core.fovea import FoveaParams
from omni_agent.core.frame_skip import FrameSkipParams, SkipFigures
from omni_agent.core.params import param
from omni_agent.core.scene_news import News, SceneNews
from omni_agent.core.track import Track
from omni_agent.core.tracks import TracksParams

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
        10.0, 'pictures looked at per second, at most as many as the camera sends; skip.detect_s '
        'and skip.spare_s say how many of them a slow processor detects in [Hz]', 0.5, 60.0,
        live=True)
    scene_s: float = param(2.0,
                           'what is seen is told when it changes, and at least this often [s]',
                           0.1, 60.0, live=True)
    picture_vector: str = param(
        'mobilenetv2', 'what makes the vector of a picture in percept, when the scene is told: '
        'mobilenetv2 (7 ms of a core each time, and 30 MB), or none',
        choices=('mobilenetv2', 'none'))
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
    describe: ImageEmbedding | None = None       # where pictures are told of as vectors, too

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return getattr(self.detect, 'attempts', ())

    def close(self) -> None:
        for model in (self.detect, self.faces, self.describe):
            close = getattr(model, 'close', None)
            if close is not None:
                close()


def sight(params: WatchingParams, keep_score: float,
          watch: Callable[[str, float], None] = lambda what, share: None) -> Sight | None:
    """None: nobody is to look. Nothing but faces goes missing with their networks. ``watch`` hears
    of compiling. Raises what loading the detector raises.
    """
    detect = load.detector(params.detector, 1, keep_score, params.engine, params.engine_strict,
                           watch)
    if detect is None:
        return None
    try:
        return Sight(detect, load.faces(params.faces, 1, params.engine, params.engine_strict))
    except OmniAgentError as error:
        return Sight(detect, None, str(error))


class WatchPace:
    """Which pictures are looked at, by the clock they come by [s]: the rate is that of the
    parameters as they are then.
    """

    def __init__(self, params: WatchingParams) -> None:
        self._params = params
        self._next = self._spare_until = 0.0

    def is_due(self, t: float) -> bool:
        period = 1.0 / self._params.watch_hz
        if t < self._next - EARLY * period:
            return False
        self._next = max(self._next, t - EARLY * period) + period
        return True

    def spare(self, on: bool, t: float) -> None:
        """A person waits for the first sound of a reply, or may be speaking over the robot's
        voice: what hardly changes can wait, for SPARE_S at most.
        """
        self._spare_until = t + SPARE_S if on else 0.0

    def is_spare(self, t: float) -> bool:
        return t < self._spare_until


@dataclass(frozen=True)
class Glance:
    """What became of a picture taken at ``t``. The times of ``watched`` are ``ahead_s`` ahead.
    ``tells_faces``: its faces are of this picture, or there is nobody.
    """

    t: float
    watched: Watched
    figures: SkipFigures
    news: News | None
    ahead_s: float
    tells_faces: bool

    @property
    def is_changed(self) -> bool:
        """Something came, went or moved, or is told otherwise."""
        return bool(self.watched.looked.events) or self.news is not None and self.news.changed


class Eyes:
    """Owned by the thread that looks."""

    def __init__(self, params: WatchingParams, tracks: TracksParams, skip: FrameSkipParams,
                 fovea: FoveaParams = FoveaParams()) -> None:
        self._params = params
        self._model: Detector | None = None      # for as long as it looks
        self._faces = FaceWatch(params.faces_hz)
        self._watcher = Watcher(self._boxes, tracks, skip, self._faces, fovea)
        self._news = SceneNews(params.scene_s)
        self._t = 0.0                            # of the last look; never goes back
        self._ahead_s = 0.0                      # of that time to the stamps

    def changed(self, params: WatchingParams) -> None:
        """Parameters that may change while it looks."""
        self._news.every_s, self._faces.hz = params.scene_s, params.faces_hz

    def go_on_with(self, tracks: Sequence[Track], size: tuple[int, int], told_s: float) -> None:
        """As somebody who had looked before: ``tracks`` were there, in pictures of ``size``
        (width, height), and at ``told_s`` the scene was told.
        """
        self._watcher.go_on_with(tracks, size)
        self._news.go_on(told_s)

    def look(self, sight: Sight, image: np.ndarray, stamp: float, spare: bool = False) -> Glance:
        """uint8 BGR picture taken at ``stamp``. Raises WireError for one that is no newer than the
        last, and what the models raise.
        """
        t = self._steady_time(stamp)
        self._model, self._faces.find = sight.detect, sight.faces
        try:
            watched = self._watcher.look(image, t, spare)
        finally:
            self._model = self._faces.find = None
        looked, faces = watched.looked, watched.faces
        return Glance(stamp, watched, self._watcher.figures(),
                      self._news.step(t, looked.tracks, looked.events), self._ahead_s,
                      faces.fresh or sight.faces is not None and not faces.faces)

    def _boxes(self, image: np.ndarray) -> list[Detection]:
        assert self._model is not None, 'looked without a detector'
        return self._model(image)

    def _steady_time(self, t: float) -> float:
        """Tracks need a time that does not go back."""
        if self._t and t + self._ahead_s <= self._t - BACK_S:
            self._ahead_s = self._t + 1.0 / self._params.watch_hz - t
        if t + self._ahead_s <= self._t:
            raise WireError(
                f'a picture of {t:.3f} s, no newer than the one before: send acquisition times')
        self._t = t + self._ahead_s
        return self._t
