"""The slow look, for what somebody asks about: small things, and things that the detector has no
name for. The only place that cuts a picture into pieces.

Five looks: the whole picture, and four overlapping quarters in which a small thing is larger. 
Owned by one thread, with networks of its own, so that the always-on look never waits for it; they
are loaded when they are needed first.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Callable, Sequence

import numpy as np

from omni_agent.backends import Detection, Detector, models
from omni_agent.backends.open_vocabulary import MODEL, SCALE, OpenVocabulary, describing
from omni_agent.core.errors import ConfigError
from omni_agent.core.scene import overlap
from omni_agent.core.words import words

Box = tuple[float, float, float, float]

# [share of each side] of a quarter: a thing on a seam is whole in one of them
PIECE = 0.6
SAME = 0.4               # overlap from which two boxes of a kind are one thing seen twice
# share of a box that lies in another of its kind: one is a part of the other
INSIDE = 0.7
SURE = 0.5               # least score in a piece: four looks more imagine four times as much
CUT = 3                  # [px] from a seam: such a box may show half a thing
# [px] of a piece's longer side: a picture with less has nothing small in it
SMALLEST = 240
# What pictures of rooms and streets show anyhow. A phrase has to fit better than all of these:
# only the order of the fits can be trusted
ORDINARY = (
    'an empty room', 'a wall', 'a floor', 'a door', 'a window', 'a table', 'a chair', 'a shelf',
    'a person', 'people in a room', 'a hand', 'clothes', 'a screen', 'a box', 'a bottle', 'a cup',
    'a book', 'a plant', 'an animal', 'a kitchen', 'a street', 'a car', 'the sky', 'trees')


def quarters(height: int, width: int) -> list[tuple[int, int, int, int]]:
    """(left, top, right, bottom) of the whole picture and of its overlapping quarters."""
    across, down = round(PIECE * width), round(PIECE * height)
    corners = [(x, y, x + across, y + down) for y in (0, height - down)
               for x in (0, width - across)]
    return [(0, 0, width, height), *corners]


def merged(whole: Sequence[Detection], pieces: Sequence[Detection]) -> list[Detection]:
    """What the whole picture showed, and what only pieces did, each thing once."""
    kept = list(whole)
    for one in sorted(pieces, key=lambda detection: -detection.score):
        if not any(one.label == other.label and _is_same(one.box, other.box) for other in kept):
            kept.append(one)
    return kept


def _is_same(box: Box, other: Box) -> bool:
    return (overlap(box, other) >= SAME
            or max(_inside(box, other), _inside(other, box)) >= INSIDE)


def _is_whole(box: Box, piece: tuple[int, int, int, int], width: int, height: int) -> bool:
    """Not cut off by a seam; the border of the picture is none."""
    limits = (piece[0] or -CUT, piece[1] or -CUT,
              piece[2] if piece[2] < width else width + 2 * CUT,
              piece[3] if piece[3] < height else height + 2 * CUT)
    return (box[0] > limits[0] + CUT and box[1] > limits[1] + CUT and box[2] < limits[2] - CUT
            and box[3] < limits[3] - CUT)


class CloserLook:
    """``detect`` and ``words`` make the networks; None: there are none. Raises what they raise."""

    def __init__(self, detect: Callable[[], Detector | None],
                 words: Callable[[], OpenVocabulary] | None) -> None:
        self._make_detector, self._make_words = detect, words
        self._detect: Detector | None = None
        self._words: OpenVocabulary | None = None

    @property
    def knows_any_words(self) -> bool:
        return self._make_words is not None

    @property
    def has_words(self) -> bool:
        """The encoder is loaded."""
        return self._words is not None

    def things(self, image: np.ndarray) -> list[Detection]:
        """uint8 BGR picture -> what is in it, boxes in its pixels."""
        if self._detect is None:
            self._detect = self._make_detector()
        if self._detect is None:
            return []
        height, width = image.shape[:2]
        whole, found = self._detect(image), []
        for piece in quarters(height, width)[1:] if PIECE * max(height, width) >= SMALLEST else ():
            left, top, right, bottom = piece
            inside = [_moved(one, left, top) for one in self._detect(
                np.ascontiguousarray(image[top:bottom, left:right])) if one.score >= SURE]
            found += [one for one in inside if _is_whole(one.box, piece, width, height)]
        return merged(whole, found)

    def fits(self, image: np.ndarray, phrases: Sequence[str]) -> dict[str, float]:
        """How well each phrase fits the piece of the picture that it fits best, beside what is
        ordinary: a share in [0, 1]. Empty where there is no encoder.
        """
        if self._make_words is None or not phrases:
            return {}
        if self._words is None:
            self._words = self._make_words()
        known = self._words
        pieces = known.images([np.ascontiguousarray(image[top:bottom, left:right])
                               for left, top, right, bottom in quarters(*image.shape[:2])])
        return {phrase: _share(known, pieces, phrase) for phrase in phrases}

    def close(self) -> None:
        for network in (self._detect, self._words):
            close = getattr(network, 'close', None)
            if close is not None:
                close()
        self._detect = self._words = None


def any_words(name: str, threads: int = 1) -> tuple[Callable[[], OpenVocabulary] | None, str]:
    """What makes the encoder ``name`` (ours, or a folder with its own towers; 'none': nobody), or
    None and why. Loads nothing. Raises ConfigError.
    """
    if name == 'none':
        return None, 'it is turned off'
    if name != MODEL:
        if not Path(name).expanduser().is_dir():
            raise ConfigError(f'there is no text-image encoder called {name!r}: choose {MODEL}, '
                              'none, or a folder with two towers and a tokenizer')
        return lambda: OpenVocabulary(threads, folder=Path(name).expanduser()), ''
    if not models.present(models.manifests()[MODEL]):
        return None, f'its files are not here: run "omni-agent models pull {MODEL}"'
    if importlib.util.find_spec('tokenizers') is None:
        return None, 'tokenizers is not installed: run "pip install tokenizers"'
    return lambda: OpenVocabulary(threads), ''


def _share(known: OpenVocabulary, pieces: np.ndarray, phrase: str) -> float:
    """Softmax over the phrase and what is ordinary, with the scale that the encoder was trained
    with.
    """
    spoken = {*words(phrase)}
    others = [name for name in ORDINARY if not spoken & {*words(name)[1:]}]
    logits = SCALE * known.texts([describing(name) for name in (phrase, *others)]) @ pieces.T
    weights = np.exp(logits - logits.max(axis=0))
    return float((weights[0] / weights.sum(axis=0)).max())


def _inside(box: Box, other: Box) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    area = max(1e-9, (box[2] - box[0]) * (box[3] - box[1]))
    return max(0.0, width) * max(0.0, height) / area


def _moved(one: Detection, left: int, top: int) -> Detection:
    box = one.box
    return Detection(one.label, one.score,
                     (box[0] + left, box[1] + top, box[2] + left, box[3] + top))
