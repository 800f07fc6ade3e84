"""What remembered pictures and questions look like as vectors: the only place that chooses the
model for it.

A text-image encoder puts words and pictures into one space, so that a question finds a picture of
which nobody said a word. Without one, MobileNetV2 tells whether two pictures are of one scene, and
questions are not compared with pictures.
"""

from __future__ import annotations

import threading
from typing import Callable

import numpy as np

from omni_agent.backends import models
from omni_agent.backends.closer_look import any_words
from omni_agent.backends.open_vocabulary import MODEL, describing
from omni_agent.core.errors import ConfigError, OmniAgentError

PICTURES = 'mobilenetv2'
CHOICES = ('auto', MODEL, PICTURES, 'none')


class MemoryEyes:
    """Thread-safe; loaded when it is needed first. What fails is told in ``trouble``, once, and
    costs the vectors, never the words.
    """

    def __init__(self, name: str = 'auto') -> None:
        self.trouble = ''
        self._lock = threading.Lock()
        self._image: Callable[[np.ndarray], np.ndarray] | None = None
        self._text: Callable[[str], np.ndarray] | None = None
        self.model = _chosen(name)
        self._is_open = self.model != 'none'

    @property
    def compares_words(self) -> bool:
        """A question has a vector, too."""
        return self.model not in (PICTURES, 'none')

    def image(self, picture: np.ndarray) -> np.ndarray | None:
        """uint8 BGR -> a direction; None where there is no model, or it failed."""
        with self._lock:
            return self._run(lambda: self._image(picture))

    def text(self, words: str) -> np.ndarray | None:
        """In the same space; None where the model knows no words."""
        if not self.compares_words or not words.strip(' .,?!'):
            return None
        with self._lock:
            return self._run(lambda: self._text(describing(words)))

    def _run(self, embed: Callable[[], np.ndarray]) -> np.ndarray | None:
        if not self._is_open:
            return None
        try:
            if self._image is None:
                self._load()
            return embed()
        except OmniAgentError as error:
            self._is_open = False
            self.trouble = f'{error}; pictures are remembered without vectors'
            return None

    def _load(self) -> None:
        if self.model == PICTURES:
            from omni_agent.backends.image_embedding import ImageEmbedding
            self._image = ImageEmbedding()
            return
        make, why = any_words(self.model)
        if make is None:
            raise ConfigError(f'{self.model} cannot be used for memory: {why}')
        known = make()
        self._image = lambda picture: known.images([picture])[0]
        self._text = lambda words: known.texts([words])[0]


def _chosen(name: str) -> str:
    """Raises ConfigError for what is neither a model nor a folder."""
    if name == 'auto':
        known = models.manifests()
        if any_words(MODEL)[0] is not None:
            return MODEL
        return PICTURES if models.present(known[PICTURES]) else 'none'
    if name not in CHOICES:
        any_words(name)
    return name
