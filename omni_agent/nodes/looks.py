"""``Look`` messages -> what the core knows of a look. The only reader of that message."""

from __future__ import annotations

from omni_agent_msgs.msg import Face as FaceMsg
from omni_agent_msgs.msg import Look
from omni_agent_msgs.msg import Track as TrackMsg
from omni_agent_msgs.msg import TrackEvent as EventMsg

from omni_agent.core.faces import Face, Pose
from omni_agent.core.speak_up import Looked
from omni_agent.core.tracks import Appeared, Approached, Left, Moved, Track, TrackEvent

from .stamps import seconds

EVENTS = {
    EventMsg.APPEARED: Appeared,
    EventMsg.LEFT: Left,
    EventMsg.MOVED: Moved,
    EventMsg.APPROACHED: Approached
}


def looked(message: Look) -> Looked:
    """Events of a kind that is not known yet are left out."""
    t = seconds(message.header.stamp)
    return Looked(t, tuple(track(one, t) for one in message.tracks),
                  tuple(event(one, t) for one in message.events if one.kind in EVENTS))


def faces(message: Look) -> tuple[Face, ...]:
    """As they were measured last; where the eyes look is in ``looks_here`` already."""
    return tuple(face(one) for one in message.faces)


def face(message: FaceMsg) -> Face:
    box, pose = tuple(float(edge) for edge in message.box), Pose(message.yaw, message.pitch,
                                                                 message.roll)
    return Face(box, message.score, pose, None, message.looks_here, message.mouth_open,
                message.track)


def event(message: EventMsg, t: float) -> TrackEvent:
    return EVENTS[message.kind](t, seconds(message.since), track(message.track, t))


def track(message: TrackMsg, t: float) -> Track:
    return Track(id=message.id, label=message.label, t=t, box=tuple(
        float(edge) for edge in message.box), first_s=seconds(message.first),
                 born_s=seconds(message.born), last_s=seconds(message.last), hits=message.hits,
                 looks=message.looks, score=message.score, best=message.best, speed=(float(
                     message.speed[0]), float(message.speed[1])), growth=message.growth,
                 share=message.share, at_edge=message.at_edge, began_at_edge=message.began_at_edge,
                 near_lost=message.near_lost, again=message.again)
