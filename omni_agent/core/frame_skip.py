"""Which pictures need no look, because they hardly differ from the last one that was looked at;
and what that saves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .params import param

ACROSS, DOWN = 32, 24        # cells of the thumbnail; a person at 5 m still covers several
SAMPLE = 4                   # [px] every fourth pixel is enough for a mean of some hundred
FLOOR = 0.6                  # [grey levels] a difference of cells that no camera can do without
DARK = 16.0                  # [grey levels] below, a factor cannot be told
NOISE_S = 2.0                # [s] over which the noise is averaged
EARLY_S = 0.02               # pictures do not come to the millisecond
USUAL_S = 0.03               # [s] a look, until it was measured


@dataclass(frozen=True)
class FrameSkipParams:
    """When a picture is new."""

    LIVE = True          # each is read where it is used

    factor: float = param(8.0, 'a cell has changed if it differs by this many times the noise',
                          1.0, 50.0)
    cells: int = param(2, 'so many changed cells make a picture new; 0 looks at every picture', 0,
                       ACROSS * DOWN)
    every_s: float = param(2.0, 'a look at least this often, changed or not [s]', 0.1, 600.0)
    settle_s: float = param(0.5, 'after a large change, look at every picture for this long [s]',
                            0.0, 60.0)
    large: float = param(0.3, 'share of changed cells that makes a change a large one', 0.0, 1.0)
    calm_s: float = param(
        0.8,
        'while nothing large changes, a picture is looked at this often: somebody who sits there '
        'and talks needs no more [s]', 0.0, 10.0)
    detect_s: float = param(
        0.0, 'a picture is looked at no sooner than this after the last one, however much it '
        'changed: with it watch_hz may be higher than a slow processor could detect [s]', 0.0, 5.0)
    spare_s: float = param(
        0.4, 'the same while a person waits for the first sound of a reply, or may be speaking '
        'over the robot\'s voice; looks themselves go on at their pace [s]', 0.0, 5.0)


@dataclass(frozen=True, slots=True)
class SkipFigures:
    """Since the beginning."""

    frames: int
    skipped: int
    noise: float            # [grey levels] of a cell, from one picture to the next
    saved_ms: float         # time of the looks that were not needed

    @property
    def skip_share(self) -> float:
        return self.skipped / self.frames if self.frames else 0.0


class FrameSkip:
    """``wants`` says for each picture whether it is to be looked at."""

    def __init__(self, params: FrameSkipParams = FrameSkipParams()) -> None:
        self.params = params
        # thumbnail of the last picture that was looked at
        self._looked: np.ndarray | None = None
        self._before: np.ndarray | None = None       # of the last picture
        self._size: tuple[int, ...] = ()
        self._noise = FLOOR
        self._learnt = 0
        self._t = 0.0
        self._looked_s = 0.0
        self._changed_s = float('-inf')
        self._frames = self._skipped = 0
        self._saved_s = 0.0
        self._look_s = USUAL_S

    def wants(self, image: np.ndarray, t: float, busy: bool = False, unsettled: bool = False,
              spare: bool = False) -> bool:
        """uint8 picture of shape (h, w) or (h, w, 3) taken at ``t``.

        ``busy``: something is about to be found, and every look counts. ``unsettled``: something
        is missing. ``spare``: somebody waits for the processor, so only what is large or about to
        be found is looked at, and that not as often.
        """
        if image.shape[:2] != self._size:
            self._size, self._looked, self._before = image.shape[:2], None, None
        now = thumbnail(image)
        self._frames += 1
        self._learn(now, t)
        rest_s = max(self.params.detect_s, self.params.spare_s if spare else 0.0)
        rests = self._looked is not None and 0.0 <= t - self._looked_s < rest_s - EARLY_S
        if not rests and (busy or self._is_new(now, t, unsettled, spare)):
            self._looked, self._looked_s = now, t
            return True
        self._skipped += 1
        self._saved_s += self._look_s
        return False

    @property
    def newest(self) -> np.ndarray | None:
        """Thumbnail of the last picture, looked at or not."""
        return self._before

    def took(self, seconds: float) -> None:
        """How long a look took: what the next skipped one saves."""
        self._look_s += 0.1 * (seconds - self._look_s)

    def figures(self) -> SkipFigures:
        return SkipFigures(self._frames, self._skipped, self._noise, 1000 * self._saved_s)

    def _learn(self, now: np.ndarray, t: float) -> None:
        """The noise of one cell: what half of all cells differ by from one picture to the next."""
        if self._before is not None:
            noise = float(np.median(np.abs(difference(now, self._before))))
            self._learnt += 1                    # the first ones count fully
            weight = max(1.0 / self._learnt, 1.0 - float(np.exp(-max(0.0, t - self._t) / NOISE_S)))
            self._noise += weight * (max(FLOOR / 4, noise) - self._noise)
        self._before, self._t = now, t

    def _is_new(self, now: np.ndarray, t: float, unsettled: bool, spare: bool) -> bool:
        if self._looked is None or self.params.cells == 0:
            return True
        if t < self._looked_s or t - self._looked_s >= self.params.every_s:
            return True
        limit = max(self.params.factor * self._noise, 3 * FLOOR)
        changed = int(np.count_nonzero(np.abs(difference(now, self._looked)) > limit))
        if changed >= max(self.params.cells, self.params.large * now.size):
            self._changed_s = t
            return True
        if t - self._changed_s < self.params.settle_s:
            return True
        if spare:
            return False
        return ((unsettled or changed >= self.params.cells)
                and t - self._looked_s >= self.params.calm_s - EARLY_S)


def difference(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Of two thumbnails, without what a cloud or an exposure control does to every cell alike: a
    factor and a constant.
    """
    bright = before > DARK
    factor = (float(np.median(now[bright] / before[bright])) if bright.sum() > before.size //
              4 else 1.0)
    # more is another scene, or a hand on the lens
    difference = now - min(2.0, max(0.5, factor)) * before
    return difference - np.median(difference)


def thumbnail(image: np.ndarray) -> np.ndarray:
    """(h, w[, 3]) -> (DOWN, ACROSS) mean grey levels, float32; smaller where the picture is."""
    grey = image[::SAMPLE, ::SAMPLE] if min(image.shape[:2]) >= SAMPLE * ACROSS else image
    grey = grey.mean(axis=2, dtype=np.float32) if grey.ndim == 3 else grey.astype(np.float32)
    down, across = max(1, grey.shape[0] // DOWN), max(1, grey.shape[1] // ACROSS)
    rows, columns = min(DOWN, grey.shape[0]), min(ACROSS, grey.shape[1])
    cut = grey[:rows * down, :columns * across]
    return cut.reshape(rows, down, columns, across).mean(axis=(1, 3))
