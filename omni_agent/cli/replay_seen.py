"""The pictures of a bag through the eyes of today, for ``omni-agent replay --from senses``: what
looks again, and what is seen differently, in words and as JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Mapping, Sequence

from omni_agent.backends import eyes
from omni_agent.backends.eyes import Eyes, WatchingParams
from omni_agent.backends.see_again import Looked, SeeAgain, Then
from omni_agent.core.errors import BackendError, ConfigError
from omni_agent.core.fovea import FoveaParams
from omni_agent.core.frame_skip import FrameSkipParams
from omni_agent.core.percepts import Kind
from omni_agent.core.seen_then_and_now import Counts, Event, SeenRow, compare, counts
from omni_agent.core.then_and_now import Verdict
from omni_agent.core.tracks import TracksParams

from .bag_senses import Senses
from .replay_machines import chosen, joined, split

EYES: Mapping[str, type] = {'': WatchingParams, 'tracks': TracksParams, 'skip': FrameSkipParams,
                            'fovea': FoveaParams}
WATCHING = ('nanodet', 'faces')      # models
OF_MACHINE = ('engine', 'engine_strict')         # of then: another one may have another
ALONE = '--set perception.detector=none leaves them alone'


@dataclass(frozen=True)
class Watch:
    """``see`` is None where pictures are not looked at again; ``notes`` say why."""

    see: SeeAgain | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """What came of the pictures."""

    rows: tuple[SeenRow, ...]
    then: Counts
    now: Counts
    notes: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        return not any(row.is_other for row in self.rows)


def is_of_eyes(name: str) -> bool:
    """A parameter of perception, 'tracks.born_score' or 'watch_hz'."""
    prefix, parameter = split(name)
    return prefix in EYES and (bool(prefix) or parameter in _names(WatchingParams))


def watch(senses: Senses, known: dict[str, Any], changes: Mapping[str, object]) -> Watch:
    """``known``: parameters of perception as they were recorded. Raises ConfigError,
    BackendError.
    """
    own = {name: value for name, value in changes.items() if is_of_eyes(name)}
    given = {prefix: known.get(prefix, {}) if prefix else
             {name: known[name] for name in _names(WatchingParams)
              if name in known and name not in OF_MACHINE} for prefix in EYES}
    (params, tracks, skip, fovea), strange = chosen(EYES, given, own, tuple(EYES))
    if params.detector == 'none':
        return Watch()
    if not senses.pictures.topic:
        if own:
            raise ConfigError(
                f'{", ".join(joined("perception", name) for name in own)} changes what is seen, '
                f'and {senses.folder} holds no pictures ({senses.pictures.why})')
        return Watch(notes=(f'the bag holds no pictures ({senses.pictures.why}): what was seen is '
                            'as it was recorded',))
    try:
        sight = eyes.sight(params, tracks.keep_score)
    except BackendError as error:
        raise BackendError(f'{error}. That is for the pictures in the bag: {ALONE}') from error
    paced = senses.pictures.are_those and params.watch_hz == known.get('watch_hz',
                                                                       WatchingParams.watch_hz)
    scenes = tuple(one.perceived for one in senses.recorded if one.perceived.kind is Kind.SCENE)
    notes = [f'parameters of the eyes that are no more: {", ".join(strange)}'] if strange else []
    notes += [f'{sight.wrong}: nobody looks at faces'] if sight.wrong else []
    return Watch(SeeAgain(Eyes(params, tracks, skip, fovea), sight, params,
                          Then(senses.pictures.saws, scenes, paced)), tuple(notes))


def seen(senses: Senses, watched: Watch, looked: Sequence[Looked]) -> Seen | None:
    """None: pictures were not looked at again."""
    if watched.see is None:
        return None
    now = [one.saw for one in looked]
    then = [one for one in senses.pictures.saws if now and now[0].t <= one.t <= now[-1].t]
    # with the first look one of them may begin and the other go on
    rows = [row for row in compare(then, now) if row.t > now[0].t] if then else []
    return Seen(tuple(rows), counts(then), counts(now),
                (*watched.notes, *_notes(senses, watched.see, then, now)))


def _notes(senses: Senses, see: SeeAgain, then: Sequence, now: Sequence) -> list[str]:
    said = []
    if not then:
        said.append('none of the pictures was looked at then, as far as the bag tells: what is '
                    'seen is not compared')
    if senses.pictures.is_packed:
        said.append(f'{senses.pictures.topic} holds compressed pictures: the agent may have '
                    'looked at others')
    lacking = len({one.t for one in then} - {one.t for one in now})
    if lacking and see.is_paced:
        said.append(f'{lacking} of {len(then)} pictures that were looked at are not in the bag')
    if see.refused:
        said.append(f'{see.refused} pictures could not be looked at')
    return said


def _names(kind: type) -> set[str]:
    return {one.name for one in fields(kind)}


# -- in words -------------------------------------------------------------------------------------


def said(one: Event | None) -> str:
    return '-' if one is None else f'{one.label} {one.what}'


def now_of(row: SeenRow) -> str:
    return '' if row.verdict is Verdict.SAME else said(row.now)


def summary(found: Seen) -> str:
    other = sum(row.is_other for row in found.rows)
    moved = sum(row.verdict is not Verdict.SAME for row in found.rows) - other
    then, now = found.then, found.now
    text = (f'Looked at {now.looks} pictures ({then.looks} then), {now.skipped} of them hardly '
            f'changed ({then.skipped}), {now.with_faces} with faces ({then.with_faces}): of '
            f'{len(found.rows)} events {other} other ones, {moved} at another time.')
    labels = sorted({*then.in_view_s, *now.in_view_s})
    there = [f'{label} {now.in_view_s.get(label, 0.0):.1f} s '
             f'({then.in_view_s.get(label, 0.0):.1f} s)' for label in labels]
    return text + (f' In view now (then): {", ".join(there)}.' if there else '')


# -- JSON -----------------------------------------------------------------------------------------


def seen_json(found: Seen | None, t0: float) -> dict | None:
    if found is None:
        return None
    return {
        'same': found.is_same,
        'notes': list(found.notes),
        'then': asdict(found.then),
        'now': asdict(found.now),
        'events': [{
            't_s': row.t - t0,
            'verdict': row.verdict.value,
            'by_s': row.by_s,
            'then': None if row.then is None else said(row.then),
            'now': None if row.now is None else said(row.now)
        } for row in found.rows]
    }
