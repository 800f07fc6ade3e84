"""What a look showed -> ``Look`` messages. The only writer of that message (core/looks.py
reads it).
"""

from __future__ import annotations

import array
from typing import Mapping, Sequence

from omni_agent_msgs.msg import Face as FaceMsg
from omni_agent_msgs.msg import Look
from omni_agent_msgs.msg import Track as TrackMsg
from omni_agent_msgs.msg import TrackEvent as EventMsg
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from omni_agent.backends import Detection
from omni_agent.backends.watcher import Watched
from omni_agent.core.faces import Face
from omni_agent.core.frame_skip import SkipFigures
from omni_agent.core.track import Appeared, Approached, Left, Moved, Track, TrackEvent

from .stamps import stamp

KINDS = {
    Appeared: EventMsg.APPEARED,
    Left: EventMsg.LEFT,
    Moved: EventMsg.MOVED,
    Approached: EventMsg.APPROACHED
}


def look_message(header: Header, size: tuple[int, int], watched: Watched, figures: SkipFigures,
                 keyframe: bytes, ahead_s: float = 0.0) -> Look:
    """``size``: (width, height) of the picture. ``ahead_s``: what the times of ``watched`` are
    ahead of the stamps.
    """
    looked = watched.looked
    return Look(header=header, width=size[0], height=size[1], skipped=watched.skipped,
                processing_s=watched.seconds, skip_share=figures.skip_share,
                saved_ms=figures.saved_ms, tracks=[
                    _track(track, ahead_s) for track in looked.tracks
                ], faces=[_face(face) for face in watched.faces.faces],
                events=[_event(event, ahead_s) for event in looked.events], keyframe=array.array(
                    'B', keyframe))


def _face(face: Face) -> FaceMsg:
    return FaceMsg(track=face.track, box=face.box, score=face.score, yaw=face.pose.yaw,
                   pitch=face.pose.pitch, roll=face.pose.roll, looks_here=face.looks_here,
                   mouth_open=face.mouth_open)


def _event(event: TrackEvent, ahead_s: float) -> EventMsg:
    return EventMsg(kind=KINDS[type(event)], since=stamp(event.since - ahead_s),
                    track=_track(event.track, ahead_s))


def _track(track: Track, ahead_s: float) -> TrackMsg:
    return TrackMsg(id=track.id, label=track.label, box=track.box,
                    first=stamp(track.first_s - ahead_s), born=stamp(track.born_s - ahead_s),
                    last=stamp(track.last_s - ahead_s), hits=track.hits, looks=track.looks,
                    score=track.score, best=track.best, speed=track.speed, growth=track.growth,
                    share=track.share, at_edge=track.at_edge, began_at_edge=track.began_at_edge,
                    near_lost=track.near_lost, again=track.again)


def add_tracks(look: Look, tracks: Sequence[Track], events: Sequence[TrackEvent]) -> None:
    """What was found in another way than by the detector, into a look that is not sent yet."""
    look.tracks = [*look.tracks, *(_track(track, 0.0) for track in tracks)]
    look.events = [*look.events, *(_event(event, 0.0) for event in events)]


def found_message(picture: Image, things: Sequence[Detection], fits: Mapping[str, float],
                  there: float, processing_s: float) -> Look:
    """A single picture that somebody asked about: no identities, no events. ``fits``: of phrases,
    which have no place; one that fits less than ``there`` was not seen (``hits`` is 0).
    """
    found = [(one.label, one.score, one.box, 1) for one in things]
    found += [(phrase, fit, (0.0, 0.0, 0.0, 0.0), int(fit >= there))
              for phrase, fit in fits.items()]
    t = picture.header.stamp
    return Look(header=picture.header, width=picture.width, height=picture.height,
                processing_s=processing_s, tracks=[
                    TrackMsg(id=number, label=label, box=box, first=t, born=t, last=t, hits=hits,
                             looks=1, score=score, best=score)
                    for number, (label, score, box, hits) in enumerate(found, 1)
                ])
