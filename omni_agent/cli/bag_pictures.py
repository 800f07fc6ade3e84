"""A bag -> the pictures that its agent looked at, and what it saw in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from omni_agent.backends import pictures
from omni_agent.backends.bag_reader import Bag, Contents, Said
from omni_agent.core import left_out, looks
from omni_agent.core.bag_time import Picture
from omni_agent.core.message_records import seconds
from omni_agent.core.seen_then_and_now import Saw
from omni_agent.core.word_tracks import FIRST_ID

LOOK = 'omni_agent_msgs/msg/Look'
DECODERS = {'sensor_msgs/msg/Image': pictures.to_bgr,
            'sensor_msgs/msg/CompressedImage': pictures.unpacked}
USUAL = 'image_raw'
DEPTH = 'compressedDepth'
CLOSER = 'inspected'     # looks that somebody asked for
TRIED = 100              # pictures of each camera by which that of the agent is told


@dataclass(frozen=True)
class Pictures:
    """``topic``: '' where there are none, and ``why`` that is. ``saws``: of then, in the order of
    time; ``are_those``: of these pictures, by their stamps.
    """

    topic: str
    kind: str
    saws: tuple[Saw, ...]
    are_those: bool = False
    why: str = ''

    @property
    def is_packed(self) -> bool:
        return self.kind.endswith('/CompressedImage')


def find(bag: Bag, contents: Contents) -> Pictures:
    """Where there are several cameras: the one whose pictures the agent looked at."""
    topics = [name for name, kind in contents.topics.items()
              if kind == LOOK and name.rpartition('/')[2] != CLOSER]
    saws = tuple(sorted((_saw(said.message) for said in bag.messages(topics)),
                        key=lambda one: one.t)) if topics else ()
    cameras = [name for name, kind in contents.topics.items()
               if kind in DECODERS and contents.counts[name]
               and name.rpartition('/')[2] not in (*left_out.DRAWN, DEPTH)]
    if not cameras:
        without = left_out.IMAGE in contents.custom.get('omni_agent.without', '')
        return Pictures('', '', saws, False, 'it was recorded with --without image' if without else
                        'no topic image_raw of a camera is in it')
    shared = _shared(bag, cameras, saws)
    topic = max(cameras, key=lambda name: (shared[name], name.rpartition('/')[2] == USUAL,
                                           USUAL in name, name))
    return Pictures(topic, contents.topics[topic], saws, shared[topic] > 0)


def picture(said: Said) -> Picture:
    """A message of that topic."""
    stamp = seconds(said.message.header.stamp) or said.t     # some drivers send none
    return Picture(said.t, stamp, partial(DECODERS[said.kind], said.message))


def _shared(bag: Bag, cameras: list[str], saws: tuple[Saw, ...]) -> dict[str, int]:
    """How many of the first pictures of each were looked at."""
    stamps = {_key(one.t) for one in saws}
    return {name: sum(_key(seconds(said.message.header.stamp)) in stamps
                      for said in islice(bag.messages([name]), TRIED)) for name in cameras}


def _key(t: float) -> int:
    return round(t * 1e6)


def _saw(message: Any) -> Saw:
    """Without what only words describe: nobody looks for that again."""
    looked = looks.looked(message)
    return Saw(looked.t, message.skipped,
               tuple(one for one in looked.tracks if one.id < FIRST_ID),
               tuple(one for one in looked.events if one.track.id < FIRST_ID),
               len(looks.faces(message)), message.processing_s)
