"""metadata.yaml of a rosbag2 folder: the only place that knows its fields."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

if TYPE_CHECKING:
    from rosbags.interfaces import Qos

VERSION = 8              # of metadata.yaml: what rosbag2 of Humble, Iron and Jazzy can read alike
PLUGIN = 'mcap'
METADATA = 'metadata.yaml'
NEVER = 2**63 - 1        # rosbag2's start of what holds nothing [ns]


@dataclass(frozen=True)
class Topic:
    """``kind`` as in 'std_msgs/msg/String'; ``definition`` and ``digest`` as Definitions gives
    them.
    """

    name: str
    kind: str
    definition: str
    digest: str
    qos: tuple[Qos, ...] = ()


def described(custom: Mapping[str, str], topics: Sequence[tuple[Topic, int]],
              files: Sequence[tuple[str, int, int, int]]) -> dict[str, object]:
    """What metadata.yaml says: ``topics`` with their messages, ``files`` as (name, start, end,
    messages) [ns].
    """
    from rosbags.rosbag2.metadata import dump_qos_v8

    used = [part for part in files if part[3]]
    start, end = min((part[1] for part in used), default=NEVER), max((part[2] for part in used),
                                                                     default=0)
    return {
        'version': VERSION,
        'storage_identifier': PLUGIN,
        'duration': {
            'nanoseconds': max(0, end - start)
        },
        'starting_time': {
            'nanoseconds_since_epoch': start
        },
        'message_count': sum(part[3] for part in files),
        'topics_with_message_count': [{
            'topic_metadata': {
                'name': topic.name,
                'type': topic.kind,
                'serialization_format': 'cdr',
                'offered_qos_profiles': dump_qos_v8(list(topic.qos)),
                'type_description_hash': topic.digest
            },
            'message_count': count
        } for topic, count in topics],
        'compression_format': '',
        'compression_mode': '',
        'relative_file_paths': [part[0] for part in files],
        'files': [{
            'path': name,
            'starting_time': {
                'nanoseconds_since_epoch': first
            },
            'duration': {
                'nanoseconds': max(0, last - first)
            },
            'message_count': count
        } for name, first, last, count in files],
        'custom_data': dict(custom),
        'ros_distro': os.environ.get('ROS_DISTRO', 'unknown'),
    }


def write_metadata(folder: Path, information: Mapping[str, object]) -> None:
    """Complete or not at all."""
    part = folder / f'{METADATA}.part'
    part.write_text(yaml_text({'rosbag2_bagfile_information': dict(information)}),
                    encoding='utf-8')
    part.replace(folder / METADATA)


def yaml_text(data: Mapping[str, object]) -> str:
    import yaml

    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=10_000)
