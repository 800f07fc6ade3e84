"""What the camera shows, in words and as a change: detections -> 'one person and two cups', and
how new that is.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol, Sequence

NUMBERS = ('no', 'one', 'two', 'three', 'four', 'five', 'six',
           'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve')
PLURALS = {'person': 'people', 'mouse': 'mice', 'knife': 'knives', 'sheep': 'sheep',
            'skis': 'skis', 'scissors': 'scissors', 'broccoli': 'broccoli'}
# overlap (intersection over union) above which a box is the one of a moment ago
SAME_PLACE = 0.3


class Seen(Protocol):
    """A labelled box in pixels (x0, y0, x1, y1)."""

    @property
    def label(self) -> str: ...

    @property
    def box(self) -> tuple[float, float, float, float]: ...


def summary(detections: Sequence[Seen]) -> str:
    """'one person and two cups': people first, then what there is most of; 'nothing I know' when
    empty.
    """
    counts = Counter(detection.label for detection in detections)
    if not counts:
        return 'nothing I know'
    order = sorted(counts, key=lambda label: (label != 'person', -counts[label], label))
    parts = [_counted(counts[label], label) for label in order]
    return ' and '.join(filter(None, (', '.join(parts[:-1]), parts[-1])))


def _counted(count: int, label: str) -> str:
    number = NUMBERS[count] if count < len(NUMBERS) else str(count)
    return f'{number} {label if count == 1 else plural(label)}'


def plural(label: str) -> str:
    if label in PLURALS:
        return PLURALS[label]
    if label.endswith(('s', 'sh', 'ch', 'x')):
        return label + 'es'
    return label + 's'


def novelty(previous: Sequence[Seen], current: Sequence[Seen]) -> float:
    """Share of boxes, in [0, 1], that came, went or moved away from where one of their kind was
    before.

    0: the same things in the same places. 1: nothing is as it was. Two empty scenes are the same.
    """
    everything = len(previous) + len(current)
    return 1.0 - 2.0 * _kept(previous, current) / everything if everything else 0.0


def _kept(previous: Sequence[Seen], current: Sequence[Seen]) -> int:
    """Number of pairs of a kind that overlap, the best overlaps taken first, each box used once.
    """
    pairs = sorted(((overlap(a.box, b.box), i, j) for i, a in enumerate(previous)
                    for j, b in enumerate(current) if a.label == b.label), reverse=True)
    before: set[int] = set()
    after: set[int] = set()
    for same, i, j in pairs:
        if same >= SAME_PLACE and i not in before and j not in after:
            before.add(i)
            after.add(j)
    return len(before)


def overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
