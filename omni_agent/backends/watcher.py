"""The always-on look: picture -> what is there and what has become of it. Skips what has not
changed, and looks closer where something is not explained.

Owned by one thread; the detector is called in it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Sequence

import numpy as np

from omni_agent.backends import Detection, Detector
from omni_agent.backends.face_watch import FacesSeen, FaceWatch
from omni_agent.core.appearance import appearance
from omni_agent.core.fovea import Fovea, FoveaParams, merge
from omni_agent.core.frame_skip import FrameSkip, FrameSkipParams, SkipFigures
from omni_agent.core.track import Track
from omni_agent.core.tracks import Tracks, TracksParams
from omni_agent.core.watch_events import Looked


@dataclass(frozen=True)
class Watched:
    """``looked`` goes to whoever decides; ``detections`` are None where the picture hardly
    differed from one before. ``seconds``: everything, faces too; ``crops``: closer looks.
    """

    looked: Looked
    detections: tuple[Detection, ...] | None
    seconds: float
    faces: FacesSeen = FacesSeen()
    crops: int = 0

    @property
    def skipped(self) -> bool:
        return self.detections is None


class Watcher:
    """``detect`` must give doubtful boxes as well, down to ``TracksParams.keep_score``. ``faces``
    may stay away, and so may ``fovea``, without which nothing is looked at more closely.
    """

    def __init__(self, detect: Detector, tracks: TracksParams = TracksParams(),
                 skip: FrameSkipParams = FrameSkipParams(), faces: FaceWatch | None = None,
                 fovea: FoveaParams | None = None) -> None:
        self._detect, self._faces = detect, faces
        self._fovea = Fovea(FoveaParams(crops=0) if fovea is None else fovea)
        self._tracks = Tracks(tracks)
        self._skip = FrameSkip(skip)

    def go_on_with(self, tracks: Sequence[Track], size: tuple[int, int]) -> None:
        """As somebody who had looked before: these were there, in pictures of ``size``."""
        self._tracks.go_on_with(tracks, size)

    def look(self, image: np.ndarray, t: float, spare: bool = False) -> Watched:
        """uint8 BGR picture taken at ``t``. Raises what the detector and the face finder raise."""
        began = time.monotonic()
        busy = self._tracks.expecting or self._tracks.hurries(t)
        if self._skip.wants(image, t, busy, not self._tracks.settled, spare):
            detections, crops = self._seen(image, t, spare)
            self._skip.took(time.monotonic() - began)
            events = self._tracks.step(detections, t, (image.shape[1], image.shape[0]),
                                       [appearance(image, one.box) for one in detections],
                                       self._skip.newest)
        else:
            detections, events, crops = None, self._tracks.unchanged(t, self._skip.newest), 0
        tracks = self._tracks.now()
        faces = (self._faces.look(image, t, tracks, spare)
                 if self._faces is not None else FacesSeen())
        return Watched(Looked(t, tracks, tuple(events)), detections,
                       time.monotonic() - began, faces, crops)

    def _seen(self, image: np.ndarray, t: float,
              spare: bool) -> tuple[tuple[Detection, ...], int]:
        """In the whole picture and in its closer looks, and how many those were: none while
        somebody waits for the processor.
        """
        whole = self._detect(image)
        self._fovea.see(self._skip.newest, t)
        self._fovea.begin(whole, self._tracks.expected(t), (image.shape[1], image.shape[0]))
        close: list[Detection] = []
        crops = 0
        while not spare and (region := self._fovea.next()) is not None:
            left, top, right, bottom = region.crop
            found = self._detect(np.ascontiguousarray(image[top:bottom, left:right]))
            close += self._fovea.found(region, [_shifted(one, left, top) for one in found])
            crops += 1
        return tuple(merge(whole, close)), crops

    def figures(self) -> SkipFigures:
        return self._skip.figures()


def _shifted(one: Detection, left: int, top: int) -> Detection:
    x0, y0, x1, y1 = one.box
    return Detection(one.label, one.score, (x0 + left, y0 + top, x1 + left, y1 + top))
