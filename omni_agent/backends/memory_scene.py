"""One thing after another -> the open episode: what is unchanged is not written twice, one picture
stands for all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from omni_agent.backends.memory_store import MemoryStore
from omni_agent.core.errors import BackendError
from omni_agent.core.past import PERSON, ROBOT, Kind, Moment

# Only where nobody says where an episode ends
GAP_S = 60.0
LONGEST_S = 300.0
MOST = 48                # moments
THUMBNAIL = 160          # [pixels] of the longer side
QUALITY = 70             # of the JPEG, about 4 kB


@dataclass(frozen=True)
class Looked:
    """One thing seen, said or heard, with what came along."""

    moment: Moment
    place: str = ''
    salience: float = 0.5
    image: np.ndarray | None = None
    embedding: np.ndarray | None = None


@dataclass
class _Open:
    """The episode that is being written."""

    key: int
    start: float
    last: float
    count: int = 0
    seen: tuple[str, tuple[str, ...]] | None = None
    pictured: float = -1.0           # salience of the picture
    place: str = ''
    people: dict[str, None] = field(default_factory=dict)
    salience: float = 0.0
    vectors: list[np.ndarray] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


class Scene:
    """Used by the writer's thread, inside a transaction of the store."""

    def __init__(self, store: MemoryStore, embed: Callable[[str], np.ndarray] | None) -> None:
        self._store, self._embed = store, embed
        self._open: _Open | None = None
        self.unchanged = 0
        self.trouble = ''                # of pictures

    def take(self, looked: Looked) -> None:
        moment = looked.moment
        scene = self._open
        if (scene and
            (moment.t - scene.last > GAP_S or moment.t - scene.start > LONGEST_S or scene.count
             >= MOST or looked.place and scene.place and looked.place != scene.place)):
            self.close()
        scene = self._open or self._begin(looked)
        self._note(scene, looked)
        if moment.kind is Kind.SEEN and scene.seen == (moment.text, moment.who):
            self.unchanged += 1
        else:
            self._store.append(moment)
            scene.count += 1
            scene.texts.append(moment.text)
            scene.seen = (moment.text, moment.who) if moment.kind is Kind.SEEN else scene.seen
        if looked.image is not None and looked.salience > scene.pictured + 0.1:
            self._keep(scene, looked)

    def _keep(self, scene: _Open, looked: Looked) -> None:
        """A picture that cannot be kept costs no words."""
        try:
            self._store.picture(thumbnail(looked.image))
            self.trouble = ''
        except BackendError as error:
            self.trouble = str(error)
        scene.pictured = looked.salience

    def _begin(self, looked: Looked) -> _Open:
        t = looked.moment.t
        self._open = _Open(self._store.begin(t, looked.place, looked.salience), t, t)
        return self._open

    def _note(self, scene: _Open, looked: Looked) -> None:
        scene.last = max(scene.last, looked.moment.t)
        scene.place = scene.place or looked.place
        scene.salience = max(scene.salience, looked.salience)
        scene.people.update(
            dict.fromkeys(name for name in looked.moment.who if name not in (PERSON, ROBOT)))
        if looked.embedding is not None and len(scene.vectors) < 64:
            scene.vectors.append(np.asarray(looked.embedding, np.float32).ravel())

    def settle(self) -> None:
        """Before the commit: the open episode lasts until now, and is as good as finished if the
        process dies.
        """
        scene = self._open
        if scene:
            self._store.extend(scene.last, scene.place, tuple(scene.people), scene.salience)

    def close(self) -> None:
        scene = self._open
        if scene is None:
            return
        self.settle()
        vector = self._vector(scene)
        if vector is not None:
            self._store.embed(scene.key, vector)
        self.drop()

    def drop(self) -> None:
        """Without a word; what is written stays."""
        self._open = None
        self._store.end()

    def _vector(self, scene: _Open) -> np.ndarray | None:
        if scene.vectors:
            size = scene.vectors[-1].size
            return np.mean([vector for vector in scene.vectors if vector.size == size], axis=0)
        return self._embed('. '.join(scene.texts)) if self._embed and scene.texts else None


def thumbnail(image: np.ndarray) -> bytes:
    """A JPEG of at most THUMBNAIL pixels. Raises BackendError."""
    try:
        import cv2
    except ImportError as error:
        raise BackendError(
            f'memory: pictures cannot be kept: install opencv-python-headless ({error})'
        ) from error
    height, width = image.shape[:2]
    scale = min(1.0, THUMBNAIL / max(height, width))
    small = cv2.resize(image, (max(1, round(width * scale)), max(1, round(height * scale))),
                       interpolation=cv2.INTER_AREA)
    try:
        return cv2.imencode('.jpg', small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()
    except cv2.error as error:
        raise BackendError(
            f'memory: a picture of shape {image.shape} and type {image.dtype} cannot be written '
            'as '
            'JPEG: give it as BGR uint8') from error
