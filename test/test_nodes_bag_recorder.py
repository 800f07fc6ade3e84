"""The recorder beside a decision node: what is in the bag, what is left out, what is said, and how
it ends.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import psutil
import pytest
import yaml
from ros_bench import Bench, Running, bench_in, int16s, tone, values_of

pytest.importorskip('rosbags')

from omni_agent_msgs.msg import AudioChunk, Look, Percept  # noqa: E402
from sensor_msgs.msg import Image  # noqa: E402
from std_msgs.msg import String  # noqa: E402

from omni_agent.backends.bag_reader import Bag  # noqa: E402
from omni_agent.nodes import qos  # noqa: E402
from omni_agent.nodes.bag_recorder import without_keyframe  # noqa: E402
from omni_agent.nodes.stamps import stamp  # noqa: E402

SPACE = ('-r', '__ns:=/robot')


@pytest.fixture(scope='module')
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench_in(tmp_path_factory.mktemp('recorder')) as made:
        decision = made.start('decision', arguments=SPACE, llm='none', sentence_end='none',
                              state='none')
        made.news('robot/decision')
        yield made
        assert made.end(decision) == 0


class Senses:
    """Publishers of everything, and one message each."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.percepts = bench.publisher(Percept, '/robot/percept', qos.PERCEPT)
        self.audio = bench.publisher(AudioChunk, '/robot/audio', qos.AUDIO)
        self.images = bench.publisher(Image, '/robot/image_raw', qos.IMAGE_OUT)
        self.looks = bench.publisher(Look, '/robot/look', qos.LOOK)
        self.foreign = bench.publisher(String, '/elsewhere', qos.PERCEPT)
        self.wanted = bench.publisher(String, '/wanted', qos.PERCEPT)

    def all_matched(self, *left: object) -> None:
        made = [self.percepts, self.audio, self.images, self.looks]
        self.bench.until(
            lambda: all(item.get_subscription_count() >=
                        (2 if item in (self.percepts, self.looks) else 1) for item in made
                        if item not in left), 'discovery', 40.0)

    def send(self, number: int) -> None:
        t = stamp(time.time())
        percept = Percept(kind=Percept.SPEECH_STARTED, utterance=number + 1)
        percept.header.stamp = percept.start = t
        audio = AudioChunk(position=320 * number, rate=16_000, channels=1,
                           samples=int16s(tone(440, 0.02)))
        image = Image(height=2, width=2, encoding='bgr8', step=6, data=12 * bytes([number % 256]))
        look = Look(width=2, height=2, keyframe=np.full(50, 7, np.uint8).tolist())
        for message in (audio, image, look):
            message.header.stamp = t
        for publisher, message in ((self.percepts, percept), (self.audio, audio),
                                   (self.images, image), (self.looks, look), (self.foreign,
                                                                              String(data='x')),
                                   (self.wanted, String(data='y'))):
            publisher.publish(message)


def recording(bench: Bench, folder: Path, **parameters: object) -> Running:
    process = bench.start('bag_recorder', arguments=SPACE, folder=str(folder), **parameters)
    bench.news('robot/bag_recorder')
    return process


def test_everything_of_the_agent_is_recorded_and_said_aloud(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    notices = bench.listen(String, '/robot/notice', qos.PERCEPT)
    senses = Senses(bench)
    process = recording(bench, folder, topics='/wanted')
    senses.all_matched()
    bench.until(lambda: senses.wanted.get_subscription_count(), 'the wanted topic')
    for number in range(40):
        senses.send(number)
        bench.turn()
    bench.until(lambda: notices, 'the announcement')
    bench.until(lambda: (folder / 'parameters' / 'robot.decision.yaml').is_file(), 'parameters')
    _, _, values = bench.health_of('robot/bag_recorder')
    assert values['recording'] == str(folder) and values['left out'] == 'nothing'
    bench.turn_until(time.time() + 0.5)
    assert bench.end(process) == 0, process.words
    assert notices[0].data == 'I am recording what I hear and see from now on.'
    assert f'recording into {folder}, with pictures and sound' in process.words
    with Bag(folder) as bag:
        contents, said = bag.contents(), list(bag.messages())
    assert not contents.repaired
    counts = contents.counts
    assert (counts['/robot/percept'] == 40 and counts['/robot/audio'] == 40
            and counts['/robot/look'] == 40)
    assert (counts['/robot/image_raw'] >= 20 and counts['/wanted'] == 40
            and '/elsewhere' not in counts)
    # latched, from before
    assert counts['/robot/agent_state'] >= 1 and counts['/robot/interrupt'] >= 1
    assert '/parameter_events' not in counts
    utterances = [item.message.utterance for item in said if item.topic == '/robot/percept']
    assert utterances == list(range(1, 41))
    look = next(item.message for item in said if item.topic == '/robot/look')
    assert len(look.keyframe) == 50
    assert [item.t for item in said] == sorted(item.t for item in said)
    custom = contents.custom
    assert custom['omni_agent.namespace'] == '/robot' and custom['omni_agent.without'] == ''
    assert all(
        len(value) == 64 for files in json.loads(custom['omni_agent.models']).values()
        for value in files.values())


def test_what_actions_are_made_of_is_left_out_without_a_word(bench: Bench,
                                                            tmp_path: Path) -> None:
    """Their types have no definition of their own; what skills do is in skill_state."""
    hidden = bench.publisher(String, '/robot/go/_action/feedback', 10)
    process = recording(bench, tmp_path / 'bag')
    bench.until(lambda: 'messages of /robot/agent_state' in values_of(
        bench.news('robot/bag_recorder')), 'what is published there')
    bench.news('robot/bag_recorder')
    assert hidden.get_subscription_count() == 0
    assert bench.end(process) == 0 and '/_action/' not in process.words
    bench.node.destroy_publisher(hidden)


def test_the_parameters_start_the_same_node(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    process = recording(bench, folder, announce=False)
    file = folder / 'parameters' / 'robot.decision.yaml'
    bench.until(file.is_file, 'parameters')
    values = yaml.safe_load(file.read_text())['/robot/decision']['ros__parameters']
    assert values['llm'] == 'none' and values['turn']['barge_in_words'] == 2
    assert isinstance(values['turn']['judge_s'], float) and values['max_turns'] == 12
    given = tmp_path / 'given.yaml'
    given.write_text(file.read_text().replace('/robot/decision', '/robot/copy'))
    copy = bench.start(
        'decision',
        arguments=('-r', '__ns:=/robot', '-r', '__node:=copy', '--params-file', str(given)))
    again = folder / 'parameters' / 'robot.copy.yaml'
    bench.until(again.is_file, 'parameters of the copy')
    assert bench.end(copy) == 0, copy.words
    assert bench.end(process) == 0, process.words
    assert yaml.safe_load(again.read_text())['/robot/copy']['ros__parameters'] == values


def test_pictures_and_sound_can_be_left_out(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    senses = Senses(bench)
    notices = bench.listen(String, '/robot/notice', qos.PERCEPT)
    process = recording(bench, folder, without='sound,image')
    senses.all_matched(senses.audio, senses.images)
    for number in range(10):
        senses.send(number)
        bench.turn()
    bench.until(lambda: notices, 'the announcement')
    assert bench.end(process) == 0, process.words
    with Bag(folder) as bag:
        contents, looks = bag.contents(), list(bag.messages(['/robot/look']))
    assert '/robot/audio' not in contents.counts and '/robot/image_raw' not in contents.counts
    assert (len(looks) == 10
            and all(len(item.message.keyframe) == 0 and item.message.width == 2 for item in looks))
    assert contents.custom['omni_agent.without'] == 'image,sound'
    assert ('without sound and pictures' in notices[0].data
            and 'without image and sound' in process.words)


def test_fewer_pictures_can_be_recorded(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    senses = Senses(bench)
    process = recording(bench, folder, announce=False, picture_hz=4.0)
    senses.all_matched()
    began_s, number = time.time(), 0
    while time.time() - began_s < 2.0:
        senses.send(number)
        number += 1
        bench.turn_until(time.time() + 0.02)
    took_s = time.time() - began_s
    assert bench.end(process) == 0, process.words
    with Bag(folder) as bag:
        counts = bag.contents().counts
    assert counts['/robot/percept'] == number
    assert 2 <= counts['/robot/image_raw'] <= 4.0 * took_s + 1


def test_a_recorder_that_is_killed_leaves_a_bag(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    senses = Senses(bench)
    process = recording(bench, folder, announce=False)
    senses.all_matched()
    deadline = time.time() + 2.0
    number = 0
    while time.time() < deadline:
        senses.send(number)
        number += 1
        bench.turn_until(time.time() + 0.02)
    os.kill(process.pid, signal.SIGKILL)
    killed_s = time.time()
    bench.until(lambda: process.code is not None, 'its end')
    bench.end(process)
    with Bag(folder) as bag:
        found = list(bag.messages(['/robot/percept']))
        assert bag.contents().repaired
    # half a second, on a machine that is busy with other tests
    assert killed_s - found[-1].t < 2.0


def test_a_place_that_cannot_be_written_is_one_line(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    process = bench.start('bag_recorder', arguments=SPACE, folder=str(tmp_path / 'file' / 'bag'))
    bench.until(lambda: process.code is not None, 'its end')
    bench.running.remove(process)
    assert process.code == 2
    line, = [line for line in process.said if 'cannot record into' in line]
    assert 'Traceback' not in process.words and line.endswith('name another folder')


def test_a_disk_that_fills_up_ends_it_with_one_line(bench: Bench, tmp_path: Path) -> None:
    free = os.statvfs(tmp_path)
    everything = free.f_blocks * free.f_frsize // 2**20
    senses = Senses(bench)
    process = bench.start('bag_recorder', arguments=SPACE, folder=str(tmp_path / 'bag'),
                          reserve_mib=min(everything + 1, 1_000_000), announce=False)
    bench.pacers.append(lambda: senses.percepts.publish(Percept(kind=Percept.SCENE, text='x')))
    bench.until(lambda: process.code is not None, 'its end')
    bench.pacers.pop()
    bench.running.remove(process)
    assert process.code == 2
    assert [line for line in process.said if 'is full: the recording ends here' in line]
    assert 'Traceback' not in process.words


def test_where_nobody_can_say_it_aloud_it_does_not_say_that_it_was_said(
        tmp_path: Path, bench: Bench) -> None:
    process = bench.start('bag_recorder', arguments=('-r', '__ns:=/alone'),
                          folder=str(tmp_path / 'bag'))
    # seconds: longer than it waits where somebody listens
    for _ in range(4):
        bench.news('alone/bag_recorder')
    assert bench.health_of('alone/bag_recorder')[2]['said aloud'] == 'false'
    assert bench.end(process) == 0


def test_an_unknown_part_cannot_be_left_out(bench: Bench, tmp_path: Path) -> None:
    process = bench.start('bag_recorder', arguments=SPACE, folder=str(tmp_path / 'bag'),
                          without='smell')
    bench.until(lambda: process.code is not None, 'its end')
    bench.running.remove(process)
    assert (process.code == 2
            and "'smell' cannot be left out: choose from image, sound" in process.words)
    assert not (tmp_path / 'bag').exists()


def test_a_look_without_a_keyframe_stays_as_it_is() -> None:
    from rclpy.serialization import serialize_message

    data = serialize_message(Look(width=3))
    assert without_keyframe(data) is data


# -- omni-agent record ----------------------------------------------------------------------------


def command(folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen([
        sys.executable, '-m', 'omni_agent.cli.main', 'record', '--out',
        str(folder), '--namespace', 'robot', *more
    ], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={
        **os.environ, 'PYTHONPATH': str(Path(__file__).parents[1])
    })


def test_ctrl_c_ends_a_recording_and_says_what_is_in_it(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    process = command(folder, '--without', 'sound', '--quiet')
    bench.until(lambda: (folder / 'parameters' / 'robot.decision.yaml').is_file(), 'the recorder')
    bench.turn_until(time.time() + 1.0)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    assert ('without sound' in out and f'omni-agent replay {folder}' in out
            and 'repaired' not in out)
    with Bag(folder) as bag:
        assert bag.contents().custom['omni_agent.without'] == 'sound' and not bag.repaired


def test_a_recorder_that_dies_leaves_its_command_to_make_the_bag_whole(
        bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / 'bag'
    process = command(folder, '--quiet')
    bench.until(lambda: (folder / 'parameters' / 'robot.decision.yaml').is_file(), 'the recorder')
    bench.turn_until(time.time() + 1.5)
    nodes = [child for child in psutil.Process(process.pid).children(recursive=True)
             if any('bag_recorder' in word for word in child.cmdline())]
    assert nodes
    for node in nodes:
        node.kill()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1 and 'it was repaired' in out
    with Bag(folder) as bag:
        assert not bag.repaired and list(bag.messages())       # it had been made whole already


def test_a_folder_that_is_there_is_one_line(tmp_path: Path) -> None:
    process = command(tmp_path)
    _, error = process.communicate(timeout=30)
    assert (process.returncode == 2 and error
            == f'omni-agent: {tmp_path} is there already: name another folder with --out\n')


def test_what_the_recorder_cannot_do_is_the_last_line(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / 'file').write_text('')
    process = command(tmp_path / 'file' / 'bag')
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2 and 'cannot record into' in error and error.count('\n') == 1
