"""Walls, how far they are, and a way around them."""

from __future__ import annotations

import heapq
import math
from typing import Iterator

import numpy as np

from .errors import ConfigError

CELL_M = 0.1           # grid on which ways are sought
MARGIN_M = 0.05        # a way keeps this much more than the radius from the walls
MOST_CELLS = 1_000_000
Point = tuple[float, float]

# A flat of 7 m by 7 m: a hall in the south with the front door, a living room with window and
# charger (0, 0) north of it, a kitchen with a table in the east. Doorways are a metre wide.
FLAT = ('-1 -3 6 -3; 6 -3 6 4; 6 4 -1 4; -1 4 -1 -3; '
        '-1 -1 0.5 -1; 1.5 -1 4 -1; 5 -1 6 -1; '
        '3 -1 3 -0.2; 3 0.8 3 4; '
        '4.6 2.2 5.4 2.2; 5.4 2.2 5.4 3; 5.4 3 4.6 3; 4.6 3 4.6 2.2')


class FloorPlan:
    """Walls are straight lines between two points; ``walls`` has the shape (n, 4): x0, y0, x1, y1
    [m].
    """

    def __init__(self, walls: np.ndarray) -> None:
        self.walls = np.asarray(walls, float).reshape(-1, 4)
        self._starts, self._ends = self.walls[:, :2], self.walls[:, 2:]
        along = self._ends - self._starts
        self._along, self._squares = along, np.maximum((along ** 2).sum(1), 1e-12)

    @classmethod
    def parse(cls, text: str) -> FloorPlan:
        """'x0 y0 x1 y1; ...' or 'flat', or '' for an open field. ConfigError for anything else."""
        text = FLAT if text.strip() == 'flat' else text
        walls = [part.split() for part in text.split(';') if part.strip()]
        try:
            numbers = [[float(number) for number in wall] for wall in walls]
        except ValueError as error:
            raise ConfigError(
                f'walls: {error}; write them as "x0 y0 x1 y1; ..." in metres, or flat') from error
        for wall in numbers:
            if len(wall) != 4 or not all(map(math.isfinite, wall)):
                raise ConfigError(
                    f'walls: {wall} is not a wall; it takes four numbers, x0 y0 x1 y1 in metres')
        return cls(np.array(numbers))

    def clearance(self, x: float, y: float) -> float:
        """Distance to the nearest wall [m]; inf where there is none."""
        return float(self._clearances(np.array([[x, y]]))[0])

    def _clearances(self, points: np.ndarray) -> np.ndarray:
        """``points``: (m, 2)."""
        if not len(self.walls):
            return np.full(len(points), np.inf)
        offset = points[:, None] - self._starts
        share = np.clip((offset * self._along).sum(2) / self._squares, 0.0, 1.0)
        nearest = self._starts + share[..., None] * self._along
        return np.sqrt(((points[:, None] - nearest) ** 2).sum(2).min(1))

    def sees(self, one: Point, other: Point, radius_m: float) -> bool:
        """A round thing of that radius can go straight from the one to the other."""
        count = max(2, math.ceil(math.dist(one, other) / (CELL_M / 2)) + 1)
        return bool((self._clearances(np.linspace(one, other, count)) >= radius_m).all())

    def path(self, start: Point, goal: Point, radius_m: float) -> list[Point]:
        """Corners of a short way from ``start`` (left out) to ``goal``; empty where there is
        none.
        """
        if self.clearance(*goal) < radius_m:
            return []
        if self.sees(start, goal, radius_m):
            return [goal]
        cells = (self._search(start, goal, radius_m + MARGIN_M)
                 or self._search(start, goal, radius_m))
        return self._straightened([start, *cells, goal], radius_m)[1:] if cells else []

    def grid(self, cell_m: float) -> tuple[np.ndarray, Point]:
        """True where a wall is, indexed [y, x], and the south-west corner; nothing where there are
        no walls.
        """
        if not len(self.walls):
            return np.zeros((0, 0), bool), (0.0, 0.0)
        points = np.vstack([self._starts, self._ends])
        low, high = points.min(0) - cell_m, points.max(0) + cell_m
        counts = np.ceil((high - low) / cell_m).astype(int)
        if counts.prod() > MOST_CELLS:
            return np.zeros((0, 0), bool), (0.0, 0.0)
        xs, ys = (low[i] + cell_m * (np.arange(counts[i]) + 0.5) for i in (0, 1))
        rows = [
            self._clearances(np.stack(np.broadcast_arrays(xs, y), -1)) < cell_m * 0.75 for y in ys
        ]
        return np.stack(rows), (float(low[0]), float(low[1]))

    def _search(self, start: Point, goal: Point, radius_m: float) -> list[Point]:
        """A* over the cells that are free."""
        low, high, free = self._free(start, goal, radius_m)
        first, last = _cell(start, low), _cell(goal, low)
        free[first] = free[last] = True
        came: dict[tuple[int, int], tuple[int, int]] = {}
        cost = {first: 0.0}
        queue = [(0.0, first)]
        while queue:
            _, at = heapq.heappop(queue)
            if at == last:
                return list(_back(came, last, low))
            for step, length in _STEPS:
                to = (at[0] + step[0], at[1] + step[1])
                if not (0 <= to[0] < free.shape[0] and 0 <= to[1] < free.shape[1] and free[to]):
                    continue
                dear = cost[at] + length
                if dear < cost.get(to, math.inf):
                    cost[to], came[to] = dear, at
                    heapq.heappush(queue, (dear + math.dist(to, last), to))
        return []

    def _free(self, start: Point, goal: Point,
              radius_m: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        points = np.vstack([self._starts, self._ends, [start], [goal]])
        low, high = points.min(0) - 1.0, points.max(0) + 1.0
        counts = np.ceil((high - low) / CELL_M).astype(int)
        if counts.prod() > MOST_CELLS:
            return low, high, np.zeros((1, 1), bool)
        xs, ys = (low[i] + CELL_M * (np.arange(counts[i]) + 0.5) for i in (0, 1))
        grid = np.stack(np.meshgrid(xs, ys, indexing='ij'), -1)
        free = np.stack([self._clearances(row) >= radius_m for row in grid])
        return low, high, free

    def _straightened(self, points: list[Point], radius_m: float) -> list[Point]:
        kept, at = [points[0]], 0
        while at < len(points) - 1:
            at = next((to for to in range(len(points) - 1, at + 1, -1)
                       if self.sees(points[at], points[to], radius_m + MARGIN_M / 2)), at + 1)
            kept.append(points[at])
        return kept


_STEPS = [((dx, dy), math.hypot(dx, dy)) for dx in (-1, 0, 1) for dy in (-1, 0, 1) if dx or dy]


def _cell(point: Point, low: np.ndarray) -> tuple[int, int]:
    return int((point[0] - low[0]) / CELL_M), int((point[1] - low[1]) / CELL_M)


def _back(came: dict[tuple[int, int], tuple[int, int]], last: tuple[int, int],
          low: np.ndarray) -> Iterator[Point]:
    cells = [last]
    while cells[-1] in came:
        cells.append(came[cells[-1]])
    for i, j in reversed(cells[1:-1]):           # both ends are known better than by their cells
        yield float(low[0] + CELL_M * (i + 0.5)), float(low[1] + CELL_M * (j + 0.5))
