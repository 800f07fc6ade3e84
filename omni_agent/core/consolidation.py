"""What long-term memory keeps: which episodes become one summary, of which of their lines, and
what goes first.

Nothing here writes a sentence: a summary is the lines that say most, as they were. Whoever has a
language model may pass its words in addition.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, Mapping, Sequence

from .errors import ConfigError
from .past import Kind, Moment
from .terms import terms

MIB = 1 << 20
Writer = Callable[[Sequence[Moment]], str]      # lines of a group -> a sentence or two about it
# an episode of salience 1 is worth as much as one of 0.5 that is this much younger
HALF_LIFE_S = 6 * 3600.0
FEWEST = 2               # lines of a summary that is still worth its room
# worth of a line before its words
COSTS = {Kind.SAID: 1.0, Kind.HEARD: 1.2, Kind.SEEN: 0.7, Kind.TOLD: 0.0}


@dataclass(frozen=True)
class Budget:
    """Bounds of the file: ``items`` counts moments, episodes and summaries."""

    items: int = 40_000
    bytes: int = 64 * MIB

    def check(self) -> Budget:
        if self.items < 50 or self.bytes < MIB // 4:
            raise ConfigError(
                f'memory: {self.items} items and {self.bytes} bytes cannot hold anything: '
                f'allow at least 50 items and {MIB // 4} bytes')
        return self


@dataclass(frozen=True)
class Grouping:
    """When episodes belong together. Groups are as uneven as life is."""

    after_s: float = 900.0          # younger ones stay as they are
    gap_s: float = 240.0            # of silence and stillness between two groups
    longest_s: float = 1800.0       # of one group
    most: int = 16                  # episodes of one group
    # people in common, of all in both, at least, where the place changes
    alike: float = 0.5
    kept_share: float = 0.3         # of the lines live on in the summary
    kept_most: int = 12


@dataclass(frozen=True, slots=True)
class Kept:
    """An episode or summary, as far as its fate depends on it."""

    id: int
    start: float
    end: float
    place: str
    people: frozenset[str]
    salience: float
    moments: int
    bytes: int
    level: int = 0
    summary: int | None = None      # the summary that its best lines are in


def groups(episodes: Sequence[Kept], now: float, rules: Grouping = Grouping()) -> list[list[Kept]]:
    """Neighbours in time that belong together, oldest first; what may still grow is left for
    later.
    """
    found: list[list[Kept]] = []
    for one in sorted(episodes, key=lambda kept: kept.start):
        if one.end > now - rules.after_s:
            return found[:-1] if found and _belongs(found[-1], one, rules) else found
        if found and _belongs(found[-1], one, rules):
            found[-1].append(one)
        else:
            found.append([one])
    if found and now - found[-1][-1].end < rules.after_s + rules.gap_s:
        found.pop()
    return found


def oldest(episodes: Sequence[Kept], rules: Grouping = Grouping()) -> list[Kept]:
    """The first group of what has no summary, also if it may still grow: room is needed now."""
    group: list[Kept] = []
    for one in sorted((one for one in episodes if one.level == 0 and one.summary is None),
                      key=lambda kept: kept.start):
        if group and not _belongs(group, one, rules):
            break
        group.append(one)
    return group


def _belongs(group: Sequence[Kept], one: Kept, rules: Grouping) -> bool:
    last = group[-1]
    if (len(group) >= rules.most or one.end - group[0].start > rules.longest_s
            or one.start - last.end > rules.gap_s):
        return False
    if not (one.place and last.place) or one.place == last.place:
        return not (one.people and last.people) or bool(one.people & last.people)
    both = last.people | one.people          # elsewhere: only if it is still much the same company
    return bool(both) and len(last.people & one.people) / len(both) >= rules.alike


def chosen(moments: Sequence[Moment], rarity: Mapping[str, float], most: int) -> list[int]:
    """Indices of the lines that say most: rare words first, each counted only once (greedy
    coverage).
    """
    open_words = [set(terms(moment.text)) for moment in moments]
    left, picked, said = set(range(len(moments))), [], set()
    while left and len(picked) < most:
        def worth(index: int) -> float:
            news = sum(rarity.get(term, 1.0) for term in open_words[index] - said)
            return COSTS[moments[index].kind] + news / (4.0 + len(open_words[index]))
        best = max(sorted(left), key=worth)
        picked.append(best)
        said |= open_words[best]
        left.remove(best)
    return sorted(picked)


def how_many(moments: int, rules: Grouping = Grouping()) -> int:
    return max(1, min(rules.kept_most, round(rules.kept_share * moments + 0.5)))


def going(kept: Sequence[Kept], now: float) -> list[Kept]:
    """In the order in which they go when room is needed: what lives on in a summary, what stands
    out least, the oldest.

    Of summaries those first that can lose lines before they go.
    """
    return sorted(
        kept, key=lambda one:
        (one.level, one.summary is None, bool(one.level) and one.moments <= FEWEST, _worth(
            one, now)))


def _worth(one: Kept, now: float) -> float:
    return one.salience - (now - one.end) / (2 * HALF_LIFE_S)


def merged(group: Sequence[Kept]) -> Kept:
    """The summary of a group; its lines stay with the episodes for as long as those last."""
    places = {one.place for one in group if one.place}
    return Kept(0, min(one.start for one in group), max(one.end for one in group),
                min(places, default=''),
                frozenset().union(*(one.people for one in group)),
                max(one.salience for one in group), 0, 0, level=1)
