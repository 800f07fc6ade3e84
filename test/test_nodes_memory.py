"""What reaches the long-term memory of a running decision node, from each of its sources, and what
is left of it after a kill and after forgetting. The looks, percepts and sounds are the test's.
"""

from __future__ import annotations

import array
import signal
import sqlite3
import threading
import time
from pathlib import Path
from typing import Iterator

import numpy as np
import pytest
from ros_bench import Bench
from test_nodes_lookout import Agent, Camera

from omni_agent_msgs.msg import AgentState, Look, Percept, React
from omni_agent_msgs.srv import Forget
from std_msgs.msg import String

from omni_agent.backends.pictures import to_jpeg
from omni_agent.core.watch_events import Looked
from omni_agent.nodes import qos
from omni_agent.nodes.health import Health
from omni_agent.nodes.recall import NOT_DELETED, Recall
from omni_agent.nodes.stamps import stamp

pytest.importorskip('cv2')


class World:
    """An agent, what it sees, who speaks to it, and where it is."""

    def __init__(self, bench: Bench) -> None:
        self.bench, self.camera = bench, Camera(bench)
        self.agent = Agent(bench)
        self.sounds = bench.publisher(String, 'sound', qos.PERCEPT)
        self.places = bench.publisher(String, 'place', qos.STATE)
        self.notices = bench.publisher(String, 'notice', qos.PERCEPT)
        self.inspect = bench.listen(String, 'inspect', qos.PERCEPT)
        self.utterance = 0
        bench.matched(publishers=(self.sounds, self.places, self.notices, self.camera.looks))
        bench.until(lambda: self.agent.states and self.agent.states[-1].senses & AgentState.SEES,
                    'eyes')

    def says(self, text: str, voice: int = 0) -> React:
        """Somebody says that aloud, to the robot; its answer is heard."""
        self.utterance += 1
        seen = len(self.agent.reacts)
        self.agent.percept(Percept.SPEECH_STARTED, self.utterance)
        final = Percept(kind=Percept.FINAL, utterance=self.utterance, text=text, voiced_s=1.0,
                        turn_end_probability=0.95)
        final.header.stamp = final.start = stamp(time.time())
        if voice:
            final.cue_names, final.cue_values = ['voice'], [float(voice)]
        self.agent.percept(Percept.SPEECH_STOPPED, self.utterance)
        self.agent.percepts.publish(final)
        react = self.bench.until(lambda: self.agent.reacts[seen:], f'an intention about {text!r}')
        self.agent.speak(react[0])
        return react[0]

    def shows(self, number: int, label: str) -> None:
        """Something comes into view, with a keyframe."""
        picture = np.full((120, 160, 3), 90, np.uint8)
        picture[40:80, 60:100] = (number * 50 % 255, 200, 40)
        self.camera.comes(number, label)
        look = Look(width=640, height=480, tracks=[self.camera.track(one) for one in
                                                   self.camera.there],
                    keyframe=array.array('B', to_jpeg(picture, 160)))
        look.header.stamp = stamp(time.time())
        self.camera.looks.publish(look)

    def scene(self, text: str) -> None:
        percept = Percept(kind=Percept.SCENE, text=text, salience=0.8)
        percept.header.stamp = stamp(time.time())
        self.agent.percepts.publish(percept)

    def enters(self, place: str) -> None:
        self.places.publish(String(data=place))

    def file(self) -> Path:
        return Path(self.bench.folder, 'state', 'omni_agent', 'agent', 'memory.db')

    def rows(self, query: str) -> list[tuple]:
        """As they are in the file, once they are."""
        connection = sqlite3.connect(f'file:{self.file()}?mode=ro', uri=True)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def written(self, query: str) -> list[tuple]:
        return self.bench.until(lambda: self.rows(query), query)

    def forgets(self, **what: object) -> Forget.Response:
        self.bench.until(self.agent.forget.service_is_ready, 'the service')
        asked = self.agent.forget.call_async(Forget.Request(**what))
        self.bench.until(asked.done, 'forgetting')
        assert asked.result().success, asked.result().message
        return asked.result()

    def refuses_to_forget(self, **what: object) -> str:
        asked = self.agent.forget.call_async(Forget.Request(**what))
        self.bench.until(asked.done, 'a refusal')
        assert not asked.result().success and not asked.result().forgotten
        return asked.result().message


@pytest.fixture(scope='module')
def world(bench: Bench) -> Iterator[World]:
    made = World(bench)
    yield made
    bench.pacers.remove(made.camera.look)


def test_a_name_goes_with_a_voice_and_what_it_says_is_remembered_under_it(world: World) -> None:
    world.says("Hello robot, I'm Anna.", voice=2)
    world.says('Robot, remember that the meeting is at nine.', voice=2)
    world.says('Robot, remember that the cake is in the oven.', voice=5)
    (who, ), = world.written("SELECT who FROM moment WHERE text LIKE '%meeting%'")
    assert who == 'Anna'
    assert world.written("SELECT who FROM moment WHERE text LIKE '%cake%'") == [('person', )]
    told = world.agent.type('What did Anna say about the meeting?')
    assert any('Anna said' in line and 'nine' in line for line in told.recalled), told.recalled


def test_the_place_and_a_picture_with_its_vector_are_in_the_episode(world: World) -> None:
    world.enters('kitchen')
    world.bench.turn_until(time.time() + 0.5)
    world.shows(11, 'cup')
    rows = world.written("SELECT e.place, p.jpeg FROM episode e JOIN picture p "
                         "ON p.episode = e.id WHERE e.place = 'kitchen'")
    assert bytes(rows[0][1]).startswith(b'\xff\xd8') and len(rows[0][1]) < 20_000
    world.enters('hall')                             # ends the episode, and keeps its vector
    world.bench.turn_until(time.time() + 0.5)
    world.shows(12, 'dog')
    status = world.bench.news('decision')
    model = {value.key: value.value for value in status.values}['pictures remembered by']
    if model != 'none':
        world.written("SELECT embedding FROM episode WHERE place = 'kitchen' "
                      'AND embedding IS NOT NULL')


def test_what_was_on_the_table_when_the_phone_rang_is_answered_without_a_look(
        world: World) -> None:
    world.scene('two cups on the dining table')
    world.bench.turn_until(time.time() + 0.2)
    world.sounds.publish(String(data='the phone rings'))
    world.written("SELECT text FROM moment WHERE kind = 'heard'")
    before = len(world.inspect)
    told = world.agent.type('What did you see on the table when the phone rang?')
    assert any('two cups' in line for line in told.recalled), told.recalled
    state = world.bench.until(lambda: world.agent.states[-1].route and world.agent.states[-1],
                              'the route')
    assert 'anchor' in state.route and 'memory' in state.used
    assert len(world.inspect) == before
    world.agent.type('What do you see?')
    world.bench.until(lambda: len(world.inspect) == before + 1, 'a look')


def test_what_another_node_has_to_tell_does_not_rest_on_the_camera(world: World) -> None:
    seen = len(world.agent.reacts)
    world.notices.publish(String(data='My battery is low.'))
    told = world.bench.until(lambda: world.agent.reacts[seen:], 'the notice')[0]
    world.bench.until(lambda: list(world.agent.states[-1].used) == ['notice'], 'what it rests on')
    world.agent.speak(told)


def test_a_kill_costs_no_more_than_the_last_second(world: World) -> None:
    world.agent.type('remember that the ladder is in the garage')
    world.written("SELECT 1 FROM moment WHERE text LIKE '%ladder%'")
    world.agent.process.send(signal.SIGKILL)
    world.bench.until(lambda: world.agent.process.pid is None, 'its end')
    world.bench.end(world.agent.process)
    world.agent.states.forget()
    world.agent.start()
    world.bench.until(lambda: world.agent.states and world.agent.states[-1].senses
                      & AgentState.SEES, 'eyes')
    told = world.agent.type('Where did I say the ladder is?')
    assert any('garage' in line for line in told.recalled)


def test_forgetting_a_person_leaves_what_others_said_and_a_period_what_was_before(
        world: World) -> None:
    assert world.forgets(person='Anna').forgotten >= 2
    assert not world.rows("SELECT 1 FROM moment WHERE text LIKE '%meeting%' OR who = 'Anna'")
    assert world.rows("SELECT 1 FROM moment WHERE text LIKE '%ladder%'")
    assert 'no name' in world.refuses_to_forget(person=' ')
    assert 'before it begins' in world.refuses_to_forget(start=stamp(9.0), stop=stamp(8.0))
    since = time.time()
    world.agent.type('remember that the hammer is in the shed')
    world.written("SELECT 1 FROM moment WHERE text LIKE '%hammer%'")
    assert world.forgets(start=stamp(since)).forgotten >= 1
    assert not world.rows("SELECT 1 FROM moment WHERE text LIKE '%hammer%'")
    assert world.rows("SELECT 1 FROM moment WHERE text LIKE '%ladder%'")
    nobody = world.forgets(person='Annabel')
    assert nobody.forgotten == 0 and 'nothing about Annabel' in nobody.message
    world.forgets()
    assert not world.rows('SELECT 1 FROM moment WHERE t < %f' % since)
    assert not world.rows('SELECT 1 FROM picture')


def test_a_picture_that_is_being_looked_at_while_everything_is_forgotten_is_forgotten_too(
        bench: Bench, tmp_path: Path) -> None:
    node, told = bench.guest('remembering'), []
    recall = Recall(node, Health(node), tmp_path / 'memory.db', told.append)
    begun, free = threading.Event(), threading.Event()

    def slow(image: np.ndarray) -> None:
        begun.set()
        assert free.wait(30.0)
    recall.eyes.image = slow
    keyframe = to_jpeg(np.full((120, 160, 3), 90, np.uint8), 160)
    recall.on_look(Looked(time.time(), (), ()), keyframe)
    assert begun.wait(30.0)
    recall.forget('', None, None)
    bench.until(lambda: told, 'that it is forgotten')
    free.set()
    bench.until(lambda: recall._looker.idle, 'the picture')
    recall.memory.flush()
    assert recall.memory.figures().store.items == 0
    recall.on_look(Looked(time.time(), (), ()), keyframe)            # and it goes on
    bench.until(lambda: recall._looker.idle, 'the next picture')
    recall.memory.flush()
    assert recall.memory.figures().store.moments == 1
    recall.close()


def test_whoever_asked_aloud_is_told_when_it_could_not_be_deleted_for_good(world: World) -> None:
    assert world.bench.end(world.agent.process) == 0
    world.agent.parameters = {'skills': 'default'}
    world.agent.start()
    world.agent.type('remember that Ludmilla has a cat')
    world.written("SELECT 1 FROM moment WHERE text LIKE '%cat%'")
    reader = sqlite3.connect(world.file(), isolation_level=None)
    reader.execute('BEGIN')
    reader.execute('SELECT count(*) FROM moment').fetchone()         # keeps the log alive
    assert world.agent.type('forget everything you know about Ludmilla').say.endswith('Shall I?')
    agreed = world.agent.type('yes')
    told = world.bench.until(lambda: [one for one in world.agent.reacts
                                      if one.epoch > agreed.epoch], 'what came of it')[0]
    assert told.say == NOT_DELETED
    reader.close()
    assert not world.rows("SELECT 1 FROM moment WHERE text LIKE '%cat%'")
