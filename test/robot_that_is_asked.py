"""A robot that is asked to do things: the nodes decision, skills and simulated_robot as processes.

The test is the person who types and speaks, the loudspeaker, and the server of the language model.
"""

from __future__ import annotations

import http.server
import itertools
import json
import socket
import threading
import time

from ros_bench import Bench, Heard, level_of, values_of

from geometry_msgs.msg import Twist, TwistStamped, Vector3Stamped
from nav_msgs.msg import Odometry
from omni_agent_msgs.msg import Act, AgentState, Interrupt, Look, Percept, Playback, React
from omni_agent_msgs.msg import SkillState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from omni_agent.nodes import qos
from omni_agent.nodes.alive import ALIVE
from omni_agent.nodes.stamps import seconds, stamp

ENDS = (SkillState.SUCCEEDED, SkillState.FAILED, SkillState.CANCELLED, SkillState.REFUSED)
DOCK = """
version: 1
skills:
  call: {arguments: {procedure: {choices: {dock: {service: dock, also: 'charge yourself'}}}}}
"""


class ModelServer:
    """As much of OpenAI's interface as a planner needs. ``mood``: answers, hangs, or drops."""

    def __init__(self) -> None:
        self.mood, self.waiting = 'answers', 0
        self.released = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - http.server's name
                self.say({'data': [{'id': 'loopback'}]})

            def do_POST(self) -> None:  # noqa: N802 - http.server's name
                self.rfile.read(int(self.headers['Content-Length']))
                if outer.mood == 'hangs':
                    outer.waiting += 1
                    outer.released.wait(60.0)
                    outer.waiting -= 1
                if outer.mood == 'answers':
                    self.say({'choices': [{'message': {'content': '{"answer": "none"}'}}]})
                else:
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True

            def say(self, reply: dict) -> None:
                data = json.dumps(reply).encode()
                self.send_response(200)
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self._server.server_port}/v1'
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def drop(self) -> None:
        """Break off what waits and whatever comes."""
        self.mood = 'drops'
        self.released.set()

    def stop(self) -> None:
        self.drop()
        self._server.shutdown()
        self._server.server_close()


class Robot:
    """``space`` is its namespace; ``stamped``: its base wants TwistStamped; ``walls``: around
    it. It does not report what took long: nobody would hear that to its end.
    """

    def __init__(self, bench: Bench, llm: str = 'none', space: str = '', stamped: bool = False,
                 state: str = 'none', walls: str = 'flat') -> None:
        self.bench, self.space = bench, space
        self._utterances = itertools.count(1)
        place = f'/{space}/' if space else ''
        own = ('-r', f'__ns:=/{space}') if space else ()
        kind = TwistStamped if stamped else Twist
        self.reacts: Heard = bench.listen(React, f'{place}react', qos.REACT)
        self.acts: Heard = bench.listen(Act, f'{place}act', qos.ACT)
        self.skills: Heard = bench.listen(SkillState, f'{place}skill_state', qos.SKILL_STATE)
        self.states: Heard = bench.listen(AgentState, f'{place}agent_state', qos.STATE)
        self.interrupts: Heard = bench.listen(Interrupt, f'{place}interrupt', qos.STATE)
        self.velocities: Heard = bench.listen(kind, f'{place}cmd_vel', 50)
        self.odometry: Heard = bench.listen(Odometry, f'{place}odom', 10)
        self.heads: Heard = bench.listen(Vector3Stamped, f'{place}look_at', 10)
        self.typed = bench.publisher(String, f'{place}typed', qos.PERCEPT)
        self.percepts = bench.publisher(Percept, f'{place}percept', qos.PERCEPT)
        self.looks = bench.publisher(Look, f'{place}look', qos.LOOK)
        self.notices = bench.publisher(String, f'{place}notice', qos.PERCEPT)
        self.playback = bench.publisher(Playback, f'{place}playback', qos.PLAYBACK)
        self.hush = bench.node.create_client(Trigger, f'{place}decision/hush')
        mine = bench.folder / f'mine{space}.yaml'
        mine.write_text(DOCK, encoding='utf-8')
        skills = f'simulated, {mine}' + ', stamped' * stamped
        bench.start('simulated_robot', stamped=stamped, walls=walls, arguments=own)
        bench.start('skills', skills=skills, arguments=own)
        bench.start('decision', llm=llm, sentence_end='none', state=state, skills=skills,
                    errand__report_s=600.0, arguments=own)

    def ready(self) -> Robot:
        """When its nodes know each other and us."""
        space = self.space
        place = f'/{space}/' if space else ''
        self.bench.matched(
            *(f'{space}/{name}'.strip('/') for name in ('decision', 'skills', 'simulated_robot')),
            publishers=(self.typed, self.percepts, self.looks, self.notices, self.playback),
            topics=tuple(f'{place}{topic}' for topic in
                         ('react', 'act', 'skill_state', 'cmd_vel', 'odom', 'interrupt')))
        self.bench.until(lambda: values_of(self.bench.news(f'{space}/skills'.strip('/'))).get(
            'decision node') == ALIVE, 'a heartbeat is heard')
        return self

    # -- what a person does -----------------------------------------------------------------------

    def type(self, text: str) -> React:
        """And have what is said to it heard to its end."""
        react = self.asked(text)
        self.hear(react)
        return react

    def hear(self, react: React) -> None:
        for state in (Playback.STARTED, Playback.FINISHED):
            message = Playback(epoch=react.epoch, state=state, samples_played=1000, rate=16_000,
                               heard=react.say or 'Well.')
            message.header.stamp = stamp(time.time())
            self.playback.publish(message)
        # two topics: what is asked next may overtake the end of what was heard
        self.bench.until(lambda: self.states and (self.states[-1].epoch, -self.states[-1].agent)
                         >= (react.epoch, -AgentState.AGENT_IDLE), f'{react.say!r} heard to its end')

    def asked(self, text: str) -> React:
        seen = len(self.reacts)
        self.typed.publish(String(data=text))
        # not a remark that waited until now
        return self.bench.until(lambda: [one for one in self.reacts[seen:] if text in one.brief],
                                f'an answer to {text!r}')[-1]

    def say(self, text: str) -> None:
        """Aloud, as recognition tells it."""
        utterance = next(self._utterances)
        for kind, words in ((Percept.SPEECH_STARTED, ''), (Percept.PARTIAL, text),
                            (Percept.SPEECH_STOPPED, ''), (Percept.FINAL, text)):
            self.perceive(kind, words, utterance)

    def settled(self, text: str) -> None:
        """What was said is judged; if it is answered the answer is heard, and if something was to
        be done it has begun.
        """
        def judged() -> bool:
            state = self.states[-1]
            return (state.text == text and state.agent == AgentState.AGENT_IDLE
                    and state.person == AgentState.PERSON_QUIET
                    and state.addressee_score == state.addressee_score)

        def answered() -> list[React]:
            return [one for one in self.reacts if text in one.brief]
        self.bench.until(lambda: answered() or judged(), f'a judgement of {text!r}')
        if replies := answered():
            self.bench.turn_until(seconds(replies[-1].not_before) + 0.2)
            self.hear(replies[-1])

    def perceive(self, kind: int, text: str = '', utterance: int = 0) -> None:
        percept = Percept(kind=kind, utterance=utterance, text=text, voiced_s=1.0,
                          turn_end_probability=0.95, salience=1.0)
        percept.header.stamp = percept.start = stamp(time.time())
        self.percepts.publish(percept)

    # -- what comes of it -------------------------------------------------------------------------

    def ended(self, react: React, step: int = 0) -> SkillState:
        return self.bench.until(
            lambda: [one for one in self.skills
                     if (one.epoch, one.step) == (react.epoch, step) and one.state in ENDS],
            f'the end of step {step} of {react.say!r}')[0]

    def remark(self, words: str) -> React:
        return self.bench.until(lambda: [one for one in self.reacts if words in one.say],
                                f'that it says {words!r}; its state is {self.states[-1]}')[-1]

    def drives(self, what: str = 'drive forward three metres') -> React:
        """Asked to, and on its way."""
        self.velocities.forget()
        react = self.type(what)
        self.bench.until(lambda: any(self.linear(one) > 0.1 for one in self.velocities),
                         f'{what!r}: it drives')
        return react

    def speed(self) -> float:
        return self.linear(self.velocities[-1])

    @staticmethod
    def linear(velocity: Twist | TwistStamped) -> float:
        return getattr(velocity, 'twist', velocity).linear.x

    def still(self) -> None:
        self.bench.until(lambda: self.velocities and self.speed() == 0.0, 'zero on cmd_vel')
        self.odometry.forget()
        self.bench.until(lambda: self.odometry and self.odometry[-1].twist.twist.linear.x == 0.0,
                         'it stands')

    def x(self) -> float:
        self.odometry.forget()
        self.bench.until(lambda: self.odometry, 'odometry')
        return self.odometry[-1].pose.pose.position.x

    def is_ready(self, node: str) -> bool:
        known = self.bench.health.get(f'{self.space}/{node}'.strip('/'))
        return bool(known) and level_of(known[-1]) == 0
