"""The always-on look: picture -> what is there and what has become of it. Skips what has not
changed.

Owned by one thread; the detector is called in it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Sequence

import numpy as np

from omni_agent.backends import Detection, Detector
from omni_agent.backends.face_watch import FacesSeen, FaceWatch
from omni_agent.core.frame_skip import FrameSkip, FrameSkipParams, SkipFigures
from omni_agent.core.speak_up import Looked
from omni_agent.core.tracks import Track, Tracks, TracksParams


@dataclass(frozen=True)
class Watched:
    """``looked`` goes to whoever decides; ``detections`` are None where the picture hardly
    differed from one before. ``seconds``: everything, faces too.
    """

    looked: Looked
    detections: tuple[Detection, ...] | None
    seconds: float
    faces: FacesSeen = FacesSeen()

    @property
    def skipped(self) -> bool:
        return self.detections is None


class Watcher:
    """``detect`` must give doubtful boxes as well, down to ``TracksParams.keep_score``. ``faces``
    may stay away.
    """

    def __init__(self, detect: Detector, tracks: TracksParams = TracksParams(),
                 skip: FrameSkipParams = FrameSkipParams(),
                 faces: FaceWatch | None = None) -> None:
        self._detect, self._faces = detect, faces
        self._tracks = Tracks(tracks)
        self._skip = FrameSkip(skip)

    def go_on_with(self, tracks: Sequence[Track], size: tuple[int, int]) -> None:
        """As somebody who had looked before: these were there, in pictures of ``size``."""
        self._tracks.go_on_with(tracks, size)

    def look(self, image: np.ndarray, t: float, spare: bool = False) -> Watched:
        """uint8 BGR picture taken at ``t``. Raises what the detector and the face finder raise."""
        began = time.monotonic()
        if self._skip.wants(image, t, self._tracks.expecting, not self._tracks.settled, spare):
            detections = tuple(self._detect(image))
            self._skip.took(time.monotonic() - began)
            events = self._tracks.step(detections, t, (image.shape[1], image.shape[0]),
                                       picture=self._skip.newest)
        else:
            detections, events = None, self._tracks.unchanged(t, self._skip.newest)
        tracks = self._tracks.now()
        faces = (self._faces.look(image, t, tracks, spare)
                 if self._faces is not None else FacesSeen())
        return Watched(Looked(t, tracks, tuple(events)), detections,
                       time.monotonic() - began, faces)

    def figures(self) -> SkipFigures:
        return self._skip.figures()
