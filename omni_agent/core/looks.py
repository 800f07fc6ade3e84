"""``Look`` messages -> what the core knows of a look, by their fields alone: the only reader of
that message, whoever decoded it.
"""

from __future__ import annotations

from typing import Any

from .faces import Face, Pose
from .message_records import seconds
from .track import Appeared, Approached, Left, Moved, Track, TrackEvent
from .watch_events import Looked

EVENTS = {1: Appeared, 2: Left, 3: Moved, 4: Approached}         # as in TrackEvent.msg


def looked(message: Any) -> Looked:
    """Events of a kind that is not known yet are left out."""
    t = seconds(message.header.stamp)
    return Looked(t, tuple(track(one, t) for one in message.tracks),
                  tuple(event(one, t) for one in message.events if one.kind in EVENTS),
                  (int(message.width), int(message.height)))


def faces(message: Any) -> tuple[Face, ...]:
    """As they were measured last; where the eyes look is in ``looks_here`` already. A look of an
    older version has none.
    """
    return tuple(face(one) for one in getattr(message, 'faces', ()))


def face(message: Any) -> Face:
    box, pose = tuple(float(edge) for edge in message.box), Pose(message.yaw, message.pitch,
                                                                 message.roll)
    return Face(box, message.score, pose, None, message.looks_here, message.mouth_open,
                message.track)


def event(message: Any, t: float) -> TrackEvent:
    return EVENTS[message.kind](t, seconds(message.since), track(message.track, t))


def track(message: Any, t: float) -> Track:
    return Track(id=message.id, label=message.label, t=t, box=tuple(
        float(edge) for edge in message.box), first_s=seconds(message.first),
                 born_s=seconds(message.born), last_s=seconds(message.last), hits=message.hits,
                 looks=message.looks, score=message.score, best=message.best, speed=(float(
                     message.speed[0]), float(message.speed[1])), growth=message.growth,
                 share=message.share, at_edge=message.at_edge, began_at_edge=message.began_at_edge,
                 near_lost=message.near_lost, again=message.again)
