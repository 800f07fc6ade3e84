"""The only place that turns what happened to each item into the figures of a peer.

A record is one JSON object per item:
    file, kind, half     as labelled
    error                why the item says nothing (the voice did not play before it), or null
    lowered_ms           onset -> the voice at least 15 dB lower for at least 60 ms, or null: never
    silence_ms           onset -> end of the last sound before that silence, or null
    resumed, hole_s      whether the same reply was heard again, and the silence before it
    lost                 lowered, and the reply never heard again
"""

from __future__ import annotations

import math
from typing import Callable, Sequence, Union

from .labels import INTERRUPTIONS, KINDS, NODS, NOISES

Record = dict[str, Union[str, float, bool, None]]
Figures = dict[str, Union[float, int, None]]


def figures(peer: str, records: Sequence[Record]) -> Figures:
    """Figures by key; None where there was no item to measure it on."""
    valid = [record for record in records if not record['error']]
    meant = _of(valid, INTERRUPTIONS)
    lower, silence = _values(meant, 'lowered_ms'), _values(meant, 'silence_ms')
    holes = _values(_of(valid, NODS + NOISES), 'hole_s')
    return {
        f'{peer}_lower_p50_ms': percentile(lower, 50),
        f'{peer}_lower_p95_ms': percentile(lower, 95),
        f'{peer}_silence_p50_ms': percentile(silence, 50),
        f'{peer}_silence_p95_ms': percentile(silence, 95),
        f'{peer}_recall': _share(meant, _lost),
        f'{peer}_lost_on_nod': _share(_of(valid, NODS), _lost),
        f'{peer}_lost_on_noise': _share(_of(valid, NOISES), _lost),
        f'{peer}_silenced_by_nod': _share(_of(valid, NODS), _lowered),
        f'{peer}_silenced_by_noise': _share(_of(valid, NOISES), _lowered),
        f'{peer}_hole_p50_s': percentile(holes, 50),
        f'{peer}_items': len(valid),
        f'{peer}_unmeasured': len(records) - len(valid),
    }


def by_kind(records: Sequence[Record]) -> dict[str, Figures]:
    """The same questions kind by kind, for kinds that occur."""
    valid = [record for record in records if not record['error']]
    return {kind: {'items': len(rows), 'lower_p50_ms': percentile(_values(rows, 'lowered_ms'), 50),
                   'silenced': _share(rows, _lowered), 'lost': _share(rows, _lost)}
            for kind in KINDS if (rows := _of(valid, (kind,)))}


def percentile(values: Sequence[float], percent: float) -> float | None:
    """Linear interpolation between the two nearest ranks."""
    if not values:
        return None
    ranked = sorted(values)
    place = (len(ranked) - 1) * percent / 100
    low, high = ranked[math.floor(place)], ranked[math.ceil(place)]
    return round(low + (high - low) * (place - math.floor(place)), 3)


def table(columns: dict[str, Figures]) -> str:
    """One line a figure, one column a peer."""
    names = list(dict.fromkeys(key.split('_', 1)[1] for figures in columns.values()
                               for key in figures))
    lines = [' ' * 20 + ''.join(f'{peer:>12}' for peer in columns)]
    for name in names:
        cells = (figures.get(f'{peer}_{name}') for peer, figures in columns.items())
        lines.append(f'{name:20}' + ''.join(f'{_shown(cell):>12}' for cell in cells))
    return '\n'.join(lines)


def _shown(value: float | int | None) -> str:
    return '-' if value is None else f'{value:.3f}'.rstrip('0').rstrip('.')


def _of(records: Sequence[Record], kinds: Sequence[str]) -> list[Record]:
    return [record for record in records if record['kind'] in kinds]


def _values(records: Sequence[Record], key: str) -> list[float]:
    return [float(record[key]) for record in records if record[key] is not None]


def _share(records: Sequence[Record], holds: Callable[[Record], bool]) -> float | None:
    return round(sum(map(holds, records)) / len(records), 4) if records else None


def _lost(record: Record) -> bool:
    return bool(record['lost'])


def _lowered(record: Record) -> bool:
    return record['lowered_ms'] is not None
