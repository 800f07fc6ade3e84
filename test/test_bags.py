"""Bags are what rosbag2 expects, and can be read whatever happened to whoever wrote them."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

pytest.importorskip('rosbags')

from rosbags.interfaces import (Qos, QosDurability, QosHistory,  # noqa: E402
                                QosLiveliness, QosReliability, QosTime)
from rosbags.rosbag2 import Reader  # noqa: E402

from omni_agent.backends import bag_repair  # noqa: E402
from omni_agent.backends.bag_reader import Bag  # noqa: E402
from omni_agent.backends.bag_metadata import Topic, yaml_text  # noqa: E402
from omni_agent.backends.bags import BagWriter  # noqa: E402
from omni_agent.core.errors import ConfigError, DeviceError, OmniAgentError, WireError  # noqa: E402

NEVER = QosTime(9223372036, 854775807)
LATCHED = Qos(QosHistory.KEEP_LAST, 1, QosReliability.RELIABLE, QosDurability.TRANSIENT_LOCAL,
              NEVER, NEVER, QosLiveliness.AUTOMATIC, NEVER, False)
STRING = Topic('/robot/typed', 'std_msgs/msg/String', 'string data\n', 'RIHS01_' + 64 * 'a',
               (LATCHED, ))
EMPTY = Topic('/robot/nothing', 'std_msgs/msg/Bool', 'bool data\n', 'RIHS01_' + 64 * 'b')
T0 = 1_790_000_000_000_000_000


def cdr(text: str) -> bytes:
    """A std_msgs/String on the wire."""
    data = text.encode() + b'\0'
    return b'\0\1\0\0' + struct.pack('<I', len(data)) + data


def written(folder: Path, count: int = 100, **limits: int) -> Path:
    writer = BagWriter(folder, {'omni_agent.version': '1.2.3'}, **limits)
    writer.add(EMPTY)
    for number in range(count):
        assert writer.write(STRING, T0 + number * 10_000_000, cdr(f'line {number}'))
    writer.close()
    return folder


def texts(folder: Path) -> list[str]:
    with Bag(folder) as bag:
        return [said.message.data for said in bag.messages()]


def information(folder: Path) -> dict:
    return yaml.safe_load((folder / 'metadata.yaml').read_text())['rosbag2_bagfile_information']


def test_what_is_written_is_read(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag')
    with Bag(folder) as bag:
        found = list(bag.messages(['/robot/typed']))
        contents = bag.contents()
    assert [said.message.data for said in found] == [f'line {number}' for number in range(100)]
    assert found[3].t == pytest.approx(T0 * 1e-9 + 0.03) and found[3].kind == 'std_msgs/msg/String'
    assert contents.counts == {'/robot/typed': 100, '/robot/nothing': 0}
    assert contents.custom == {'omni_agent.version': '1.2.3'} and not contents.repaired
    assert contents.seconds == pytest.approx(0.99, abs=1e-3)


def test_the_metadata_have_every_field_that_rosbag2_reads(tmp_path: Path) -> None:
    # rosbag2_storage's yaml.hpp converts each of these without asking whether it is there
    found = information(written(tmp_path / 'bag'))
    assert found['version'] == 8 and found['storage_identifier'] == 'mcap'
    assert (isinstance(found['duration']['nanoseconds'], int)
            and found['duration']['nanoseconds'] == 990_000_000)
    assert found['starting_time'] == {'nanoseconds_since_epoch': T0}
    assert (found['message_count'] == 100 and
            (found['compression_format'], found['compression_mode']) == ('', ''))
    assert found['relative_file_paths'] == ['bag_0.mcap'] and isinstance(found['ros_distro'], str)
    assert all(isinstance(value, str) for value in found['custom_data'].values())
    listed = {item['topic_metadata']['name']: item for item in found['topics_with_message_count']}
    topic = listed['/robot/typed']['topic_metadata']
    assert topic['type'] == 'std_msgs/msg/String' and topic['serialization_format'] == 'cdr'
    assert (topic['type_description_hash'].startswith('RIHS01_')
            and listed['/robot/typed']['message_count'] == 100)
    # text, with numbers, up to version 8
    qos, = yaml.safe_load(topic['offered_qos_profiles'])
    assert (qos['history'], qos['depth'], qos['reliability'], qos['durability']) == (1, 1, 1, 1)
    assert qos['deadline'] == {'sec': 9223372036, 'nsec': 854775807}
    assert (found['files'] == [{
        'path': 'bag_0.mcap',
        'starting_time': {
            'nanoseconds_since_epoch': T0
        },
        'duration': {
            'nanoseconds': 990_000_000
        },
        'message_count': 100
    }])
    assert sorted(os.listdir(tmp_path / 'bag')) == ['bag_0.mcap', 'metadata.yaml']


def test_another_reader_finds_the_same_in_the_file(tmp_path: Path) -> None:
    make_reader = pytest.importorskip('mcap.reader').make_reader
    folder = written(tmp_path / 'bag')
    with (folder / 'bag_0.mcap').open('rb') as data:
        reader = make_reader(data, validate_crcs=True)
        assert reader.get_header().profile == 'ros2'
        summary = reader.get_summary()
        assert summary.statistics.message_count == 100 and summary.chunk_indexes
        schema, channel, message = next(reader.iter_messages(topics=['/robot/typed']))
        assert ((schema.name, schema.encoding, channel.message_encoding) == ('std_msgs/msg/String',
                                                                             'ros2msg', 'cdr'))
        assert 'offered_qos_profiles' in channel.metadata and message.data == cdr('line 0')
        assert [item.name for item in reader.iter_metadata()] == ['rosbag2']


def test_a_bag_without_a_message_is_one_too(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag', {})
    writer.add(EMPTY)
    writer.close()
    with Bag(tmp_path / 'bag') as bag:
        assert list(bag.messages()) == [] and bag.contents().seconds == 0.0


def test_a_long_recording_is_many_files_in_order(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag', {}, split_mib=1, queue_mib=256)
    blob = Topic('/blob', 'std_msgs/msg/String', 'string data\n', 'RIHS01_' + 64 * 'a')
    for number in range(120):
        writer.write(STRING, T0 + number, cdr(str(number)))
        writer.write(blob, T0 + number, cdr(300_000 * 'x'))
    writer.close()
    found = information(tmp_path / 'bag')
    assert len(found['files']) == writer.figures.files > 10
    assert sum(part['message_count'] for part in found['files']) == found['message_count'] == 240
    with Bag(tmp_path / 'bag') as bag:
        assert ([int(said.message.data) for said in bag.messages(['/robot/typed'])] == list(
            range(120)))
    for path in found['relative_file_paths']:
        with Reader(tmp_path / 'bag' / path) as alone:         # each can be handed on
            assert alone.message_count


def test_a_full_queue_drops_and_counts_what_can_be_missed_first(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag', {}, queue_mib=1)
    big = cdr(200_000 * 'x')
    with writer._wake:                           # the thread cannot take anything meanwhile
        pictures = [writer.write(STRING, T0, big, can_miss=True) for _ in range(4)]
        words = [writer.write(EMPTY, T0, big) for _ in range(4)]
    writer.close()
    assert pictures == [True, True, False, False] and words == [True, True, True, False]
    assert dict(writer.figures.dropped) == {'/robot/typed': 2, '/robot/nothing': 1}


# -- what goes wrong ------------------------------------------------------------------------------

KILLED = '''
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_bags import STRING, cdr
from omni_agent.backends.bags import BagWriter
writer = BagWriter(Path(sys.argv[1]), {'omni_agent.version': '1.2.3'})
for number in range(1_000_000):
    writer.write(STRING, time.time_ns(), cdr(str(number)))
    print(number, flush=True)
    time.sleep(0.001)
'''


def test_a_recorder_that_is_killed_loses_less_than_a_second(tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    process = subprocess.Popen(
        [sys.executable, '-c', KILLED,
         str(folder), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True)
    start = time.monotonic()
    for line in process.stdout:
        if time.monotonic() - start > 2.5:
            process.send_signal(signal.SIGKILL)
            break
    killed_s = time.time()
    told = int(line)
    process.wait()
    with pytest.raises(OmniAgentError):          # nobody else could read it like this
        try:
            Reader(folder).open()
        except Exception as error:
            raise WireError(str(error)) from error
    with Bag(folder) as bag:
        found = list(bag.messages())
        contents = bag.contents()
    numbers = [int(said.message.data) for said in found]
    assert numbers == list(range(len(numbers))) and len(numbers) <= told + 50
    assert killed_s - found[-1].t < 1.5          # half a second, and a machine that is busy
    assert (contents.repaired and contents.custom == {
        'omni_agent.version': '1.2.3',
        'omni_agent.repaired': 'true'
    })
    assert not Bag(folder).repaired              # once is enough
    assert information(folder)['message_count'] == len(numbers)


@pytest.mark.parametrize('share', [0.0, 0.001, 0.3, 0.7, 0.95, 0.999])
def test_a_file_that_ends_anywhere_is_read_up_to_there(tmp_path: Path, share: float) -> None:
    folder = written(tmp_path / 'bag', 3000, queue_mib=256)
    whole = (folder / 'bag_0.mcap').read_bytes()
    kept = int(share * len(whole))
    (folder / 'bag_0.mcap').write_bytes(whole[:kept])
    (folder / 'metadata.yaml').unlink()
    found = texts(folder)
    assert found == [f'line {number}' for number in range(len(found))]
    assert len(found) in (0, 3000) or kept > 0


def test_zeros_at_the_end_of_a_file_are_no_messages(tmp_path: Path) -> None:
    # what a power cut leaves behind on some file systems
    folder = written(tmp_path / 'bag')
    data = (folder / 'bag_0.mcap').read_bytes()
    (folder / 'bag_0.mcap').write_bytes(data[:-300] + bytes(300))
    assert len(texts(folder)) == 100


def test_a_bag_that_is_being_recorded_is_left_alone(tmp_path: Path) -> None:
    writer = BagWriter(tmp_path / 'bag', {})
    writer.write(STRING, T0, cdr('x'))
    deadline = time.monotonic() + 10
    while not (tmp_path / 'bag' / 'bag_0.mcap').exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    with pytest.raises(ConfigError, match='being recorded'):
        Bag(tmp_path / 'bag')
    writer.close()
    assert texts(tmp_path / 'bag') == ['x']


def test_a_full_disk_is_one_line_and_a_bag_that_can_be_read(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = BagWriter(tmp_path / 'bag', {}, queue_mib=64, reserve_mib=0)
    # the kernel says EFBIG from there on
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, limit[1]))
    try:
        for number in range(60):
            writer.write(STRING, T0 + number, cdr(f'{number} ' + 100_000 * 'x'))
        with pytest.raises(DeviceError, match='disk .*full.*--without'):
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert '\n' not in str(writer.trouble)
    numbers = [int(text.split()[0]) for text in texts(tmp_path / 'bag')]
    assert numbers and numbers == list(range(len(numbers))) and len(numbers) < 60


def test_the_last_of_the_disk_is_left_to_others(tmp_path: Path) -> None:
    everything = shutil.disk_usage(tmp_path).total // 2**20
    writer = BagWriter(tmp_path / 'bag', {}, reserve_mib=everything + 1)
    writer.write(STRING, T0, cdr('x'))
    deadline = time.monotonic() + 20
    while writer.trouble is None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not writer.write(STRING, T0, cdr('y'))
    with pytest.raises(DeviceError, match='full'):
        writer.close()
    assert texts(tmp_path / 'bag') == ['x'] and not Bag(tmp_path / 'bag').repaired


def test_a_folder_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='another folder'):
        BagWriter(tmp_path, {})


def test_a_recording_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = written(tmp_path / 'bag')
    assert folder.stat().st_mode & 0o077 == 0


def test_a_place_where_nothing_can_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    with pytest.raises(ConfigError, match='cannot record into'):
        BagWriter(tmp_path / 'file' / 'bag', {})


@pytest.mark.parametrize('content', [None, b'', b'no bag at all' * 10])
def test_what_is_no_bag_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    folder = tmp_path / 'x'
    folder.mkdir()
    if content:
        (folder / 'x.mcap').write_bytes(content)
    with pytest.raises(WireError):
        texts(folder)


def test_files_are_counted_as_numbers() -> None:
    names = [Path(f'/b/b_{number}.mcap') for number in (10, 9, 0)]
    assert [file.stem for file in sorted(names, key=bag_repair._number)] == ['b_0', 'b_9', 'b_10']


def test_yaml_of_the_metadata_is_one_that_cpp_reads_as_texts(tmp_path: Path) -> None:
    text = yaml_text({'custom_data': {'a': '1', 'b': 'true', 'c': 'x: y'}})
    assert yaml.safe_load(text) == {'custom_data': {'a': '1', 'b': 'true', 'c': 'x: y'}}
