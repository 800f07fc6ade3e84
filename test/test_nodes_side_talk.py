"""What people say to each other reaches no language-model server and no file, through the real
decision and reaction nodes and a real server on loopback that keeps every byte it gets.
"""

from __future__ import annotations

import itertools
import json
import math
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Iterator

import pytest
from ros_bench import OK, Bench, Running

pytest.importorskip('httpx')

from omni_agent_msgs.msg import AgentState, Interrupt, Percept, Playback, React  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import Trigger  # noqa: E402

from omni_agent.core.addressee import Verdict  # noqa: E402
from omni_agent.nodes import qos  # noqa: E402
from omni_agent.nodes.stamps import stamp  # noqa: E402

SECRETS = ('wombat', 'zeppelin', 'marzipan', 'quicksand')
SIDE_TALK = ('Anna, did you feed the wombat?', 'Yes, I told you that the zeppelin was late.',
             'They went to the marzipan place yesterday.')
UNCLEAR = 'What about the quicksand?'    # straight after other people's talk
QUESTION = 'Robot, how tall is a giraffe?'


class Ledger:
    """An OpenAI-compatible server that writes down what it is sent, and finds nothing meant for
    the robot.
    """

    def __init__(self) -> None:
        self.received: list[bytes] = []
        ledger = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Nothing: pytest reads this terminal."""

            def do_GET(self) -> None:
                self._send('application/json', json.dumps({'data': [{'id': 'm'}]}))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers['Content-Length']))
                ledger.received.append(body)
                asked = json.loads(body)
                if asked.get('stream'):
                    chunk = {'choices': [{'delta': {'content': 'Five metres.'},
                                          'finish_reason': 'stop'}]}
                    self._send('text/event-stream', f'data: {json.dumps(chunk)}\n\n'
                               'data: [DONE]\n\n')
                    return
                likely = [{'token': 'Yes', 'logprob': -3.0}, {'token': 'No', 'logprob': -0.05}]
                self._send('application/json', json.dumps({'choices': [{
                    'message': {'content': 'No'},
                    'logprobs': {'content': [{'top_logprobs': likely}]}}]}))

            def _send(self, kind: str, body: str) -> None:
                self.send_response(200)
                self.send_header('Content-Type', kind)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        self.url = f'http://127.0.0.1:{self._server.server_address[1]}/v1'
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def holds(self, word: str) -> bool:
        return any(word.encode() in body for body in self.received)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class People:
    """They speak, as perception tells it; and they hear the robot, as a speaker tells it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._utterances = itertools.count(1)
        self.states = bench.listen(AgentState, 'agent_state', qos.STATE)
        self.reacts = bench.listen(React, 'react', qos.REACT)
        self.interrupts = bench.listen(Interrupt, 'interrupt', qos.STATE)
        self.percepts = bench.publisher(Percept, 'percept', qos.PERCEPT)
        self.playback = bench.publisher(Playback, 'playback', qos.PLAYBACK)
        self.corrections = bench.node.create_client(Trigger, 'decision/corrections')
        self.forget = bench.node.create_client(Trigger, 'decision/forget_corrections')

    def meet(self, *nodes: str) -> None:
        self.bench.matched(*nodes, publishers=(self.percepts, self.playback), topics=('react',))

    def tell(self, kind: int, utterance: int, text: str = '',
             cues: tuple[tuple[str, float], ...] = ()) -> None:
        percept = Percept(kind=kind, utterance=utterance, text=text, voiced_s=1.0,
                          turn_end_probability=0.95, cue_names=[name for name, _ in cues],
                          cue_values=[value for _, value in cues])
        percept.header.stamp = percept.start = stamp(time.time())
        self.percepts.publish(percept)

    def say(self, text: str, cues: tuple[tuple[str, float], ...] = ()) -> None:
        """With what the recogniser makes of it half-way."""
        utterance = next(self._utterances)
        self.tell(Percept.SPEECH_STARTED, utterance)
        self.tell(Percept.PARTIAL, utterance, text.rsplit(' ', 1)[0], cues)
        self.tell(Percept.SPEECH_STOPPED, utterance)
        self.tell(Percept.FINAL, utterance, text, cues)

    def refused(self, text: str, why: str = 'for the robot',
                cues: tuple[tuple[str, float], ...] = ()) -> AgentState:
        """Say it, and wait until it was decided that this is no matter of the robot's."""
        self.say(text, cues)
        return self.bench.until(
            lambda: [state for state in self.states
                     if state.text == text and why in state.why
                     and state.agent == AgentState.AGENT_IDLE], f'a decision on {text!r}')[-1]

    def answered(self, text: str) -> React:
        self.say(text)
        return self.bench.until(lambda: [react for react in self.reacts if text in react.brief],
                                f'an intention about {text!r}')[-1]

    def heard(self, epoch: int, text: str) -> None:
        """The whole reply."""
        for state in (Playback.STARTED, Playback.FINISHED):
            message = Playback(epoch=epoch, state=state, heard=text, rate=16_000,
                               samples_played=16_000)
            message.header.stamp = stamp(time.time())
            self.playback.publish(message)

    def call(self, client) -> str:  # noqa: ANN001 - rclpy's Client
        self.bench.until(client.service_is_ready, 'the service')
        asked = client.call_async(Trigger.Request())
        self.bench.until(asked.done, 'its answer')
        return asked.result().message


@pytest.fixture(scope='module')
def ledger() -> Iterator[Ledger]:
    made = Ledger()
    yield made
    made.close()


@pytest.fixture(scope='module')
def people(bench: Bench) -> People:
    return People(bench)


def decision(bench: Bench, folder: Path, llm: str, **parameters: object) -> Running:
    return bench.start('decision', llm=llm, sentence_end='none', state=str(folder), **parameters)


def written(folder: Path) -> bytes:
    return b''.join(path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file())


def test_no_byte_of_side_talk_reaches_a_server_or_a_file_but_what_was_said_to_the_robot_does(
        bench: Bench, people: People, ledger: Ledger, tmp_path: Path) -> None:
    node = decision(bench, tmp_path, ledger.url)
    reaction = bench.start('reaction', llm=ledger.url, tts='fake')
    people.meet('decision', 'reaction')
    bench.level('decision', OK)
    bench.level('reaction', OK)
    warm = len(ledger.received)
    assert warm                                      # they are connected
    for text in SIDE_TALK:
        people.refused(text)
    state = people.refused(UNCLEAR, 'perhaps for the robot')
    assert state.verdict == AgentState.UNSURE == Verdict.UNSURE.value
    assert bench.counted('decision', 'unclear words that no model was asked about') >= 1
    react = people.answered(QUESTION)
    assert react.brief == QUESTION
    bench.until(lambda: ledger.holds('giraffe'), 'the question at the server')
    people.heard(react.epoch, 'Five metres.')
    bench.until(lambda: int(bench.health_of('decision')[2].get('memory items', 0)) >= 2,
                'two moments in the memory')
    people.refused('Anna, I told you that the wombat sleeps.')
    react = people.answered('Robot, and an elephant?')
    bench.until(lambda: ledger.holds('elephant'), 'the next question at the server')
    assert not [word for word in SECRETS if ledger.holds(word)]
    history = [turn.text for turn in react.history]
    assert QUESTION in history and not [one for one in history if 'wombat' in one]
    assert bench.end(node) == 0 and bench.end(reaction) == 0
    kept = written(tmp_path)
    assert b'giraffe' in kept and not [word for word in SECRETS if word.encode() in kept]


def test_both_can_be_switched_on(bench: Bench, people: People, ledger: Ledger,
                                 tmp_path: Path) -> None:
    node = decision(bench, tmp_path, ledger.url, side_talk_to_server=True,
                    turn__keep_side_talk=True)
    people.meet('decision')
    bench.level('decision', OK)
    people.states.forget()
    people.refused(SIDE_TALK[0])
    people.refused(UNCLEAR)
    assert ledger.holds('quicksand')
    bench.until(lambda: int(bench.health_of('decision')[2].get('memory items', 0)) >= 2,
                'two moments in the memory')
    assert bench.end(node) == 0
    assert b'quicksand' in written(tmp_path)


def test_the_evidence_is_published_with_shares_that_add_up_and_corrections_outlast_a_restart(
        bench: Bench, people: People, tmp_path: Path) -> None:
    cues = (('tilt_db', -12.0), ('range_db', 30.0), ('silence_s', 5.0), ('faces', 1.0),
            ('looks_here', 0.1), ('lips', 0.9), ('face', 7.0))
    text = 'Is that the right key?'
    # so strict that whatever was fitted, this is not answered
    node = decision(bench, tmp_path, 'none', weights='fitted', attention__keep=True,
                    addressee__threshold=0.95)
    people.meet('decision')
    people.states.forget()
    state = people.refused(text, cues=cues)
    shares = dict(zip(state.evidence_names, state.evidence_values))
    score = state.addressee_score
    assert math.log(score / (1.0 - score)) == pytest.approx(sum(shares.values()), abs=1e-3)
    assert {'a yes/no question', 'a clear voice', 'loud and soft', 'silence before it',
            'somebody looks at it', 'a mouth moves with the sound'} <= set(shares)
    people.states.forget()
    assert 'had to be said twice' in people.refused(text, cues=cues).why
    told = people.call(people.corrections)
    assert told == 'at here +0.25 (1), face 7 +0.25 (1)'
    bench.until(lambda: bench.health_of('decision')[2].get('learnt from corrections') == told,
                'it in the diagnostics')
    assert bench.end(node) == 0

    again = decision(bench, tmp_path, 'none', attention__keep=True)
    people.meet('decision')
    # whose face had the number 7 nobody knows any more
    assert people.call(people.corrections) == 'at here +0.25 (1)'
    assert people.call(people.forget) == 'forgotten: at here +0.25 (1)'
    bench.until(lambda: people.call(people.corrections) == 'nothing', 'an empty memory')
    assert bench.end(again) == 0
    assert b'at here' not in written(tmp_path / 'agent')


def test_what_was_learnt_is_gone_after_a_restart_unless_it_was_to_be_kept(
        bench: Bench, people: People, tmp_path: Path) -> None:
    places = bench.publisher(String, 'place', qos.STATE)
    text = 'Did you find the right key?'
    node = decision(bench, tmp_path, 'none')
    people.meet('decision')
    bench.until(places.get_subscription_count, 'who wants to know the place')
    places.publish(String(data='kitchen'))
    for _ in range(2):
        people.states.forget()
        people.refused(text)
    assert people.call(people.corrections) == 'at kitchen +0.50 (1)'
    assert bench.end(node) == 0
    assert not (tmp_path / 'agent' / 'corrections.json').exists()
