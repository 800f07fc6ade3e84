"""The reaction node as a process: an intention in, paced speech out, and a language-model server
that misbehaves.
"""

from __future__ import annotations

import http.server
import itertools
import json
import socket
import threading
import time
from typing import Iterator

import numpy as np
import pytest

from ros_bench import ERROR, OK, RATE, Bench, Heard, interrupt, level_of

from omni_agent_msgs.msg import (AnswerRoute, DialogueTurn, Interrupt, Look, Playback, React,
                                 SpeechChunk, Track)

from omni_agent.nodes import qos
from omni_agent.nodes.stamps import seconds, stamp

AHEAD_S = 1.5
CHUNK_S = 0.1
FAKE_REPLY = 'I hear you. Tell me more.'
LONG = ('Once upon a time there was a very small robot. It lived in a house by the sea. '
        'Every morning it went down to the beach to count the waves.')
APOLOGY = 'Sorry, I cannot think right now.'


class ModelServer:
    """Speaks as much of OpenAI's interface as a chat needs; what it does next is in ``mood``."""

    def __init__(self, port: int = 0) -> None:
        self.mood, self.words = 'answers', 'This is fine.'
        self.asked: list[list[dict]] = []
        self.is_stopping = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802 - http.server's name
                self.json({'data': [{'id': 'loopback'}]})

            def do_POST(self) -> None:  # noqa: N802 - http.server's name
                request = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                if not request.get('stream'):
                    self.json({'choices': [{'message': {'content': 'Hi'}}]})
                    return
                outer.asked.append(request['messages'])
                if outer.mood == 'refuses':
                    self.send_error(503, 'model is loading')
                    return
                self.send_response(200)
                self.send_header('Content-Type', 'text/event-stream')
                self.end_headers()
                try:
                    outer.answer(self)
                except OSError:
                    return

            def json(self, reply: dict) -> None:
                data = json.dumps(reply).encode()
                self.send_response(200)
                self.send_header('Content-Length', str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                return

        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        words = (LONG.split() if self.mood in ('closes', 'slow',
                                               'hangs') else self.words.split())
        if self.mood == 'late':
            self.is_stopping.wait(1.0)
        for at, word in enumerate(words):
            if self.mood == 'hangs' or self.mood == 'slow' and at == 14:
                self.is_stopping.wait(60.0)
            if self.mood == 'closes' and at == 14:
                handler.connection.shutdown(socket.SHUT_RDWR)
                return
            piece = {'choices': [{'delta': {'content': word if at == 0 else ' ' + word}}]}
            handler.wfile.write(f'data: {json.dumps(piece)}\n\n'.encode())
        handler.wfile.write(b'data: [DONE]\n\n')

    def stop(self) -> None:
        self.is_stopping.set()
        self._server.shutdown()
        self._server.server_close()


class Speaker:
    """Where a loudspeaker would be: the topics of one reaction node."""

    def __init__(self, bench: Bench, prefix: str, **parameters: object) -> None:
        self.bench = bench
        names = ('speech', 'interrupt', 'react', 'playback')
        remaps = [word for name in names for word in ('-r', f'{name}:={prefix}_{name}')]
        self.name = f'reaction_{prefix}'
        self.speech: Heard = bench.listen(SpeechChunk, f'{prefix}_speech', qos.SPEECH)
        self.interrupts = bench.publisher(Interrupt, f'{prefix}_interrupt', qos.STATE)
        self.reacts = bench.publisher(React, f'{prefix}_react', qos.REACT)
        self.playback = bench.publisher(Playback, f'{prefix}_playback', qos.PLAYBACK)
        self.process = bench.start('reaction', arguments=('-r', f'__node:={self.name}', *remaps),
                                   tts='fake', **parameters)
        bench.matched(self.name, publishers=(self.interrupts, self.reacts, self.playback),
                      topics=(f'{prefix}_speech', ))

    def ask(self, epoch: int, brief: str = 'hello', history: tuple[DialogueTurn,
                                                                   ...] = ()) -> None:
        self.reacts.publish(React(epoch=epoch, brief=brief, history=list(history)))

    def of(self, epoch: int) -> list[SpeechChunk]:
        return [chunk for chunk in self.speech if chunk.epoch == epoch]

    def reply(self, epoch: int) -> list[SpeechChunk]:
        """All chunks of a reply, in order."""
        return self.bench.until(
            lambda: self.of(epoch) and self.of(epoch)[-1].last and self.of(epoch),
            f'the end of reply {epoch}; there is {said(self.of(epoch))!r}')

    def play(self, epoch: int, seconds: float) -> None:
        self.playback.publish(
            Playback(epoch=epoch, state=Playback.PLAYING, rate=RATE,
                     samples_played=round(seconds * RATE)))


def said(chunks: list[SpeechChunk]) -> str:
    return ' '.join(chunk.text for chunk in chunks if chunk.text)


def length_s(chunks: list[SpeechChunk]) -> float:
    return sum(len(chunk.samples) for chunk in chunks) / RATE


EPOCHS = itertools.count(1_000, 10)


@pytest.fixture(scope='module')
def fake(bench: Bench) -> Speaker:
    return Speaker(bench, 'fake', llm='fake')


def test_a_reply_is_a_row_of_chunks_with_every_word_where_it_begins_and_an_end(
        fake: Speaker) -> None:
    epoch = next(EPOCHS)
    fake.ask(epoch)
    chunks = fake.reply(epoch)
    assert [chunk.sequence for chunk in chunks] == list(range(len(chunks)))
    assert said(chunks) == FAKE_REPLY
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert ({chunk.rate
             for chunk in chunks} == {RATE}
            and max(len(chunk.samples) for chunk in chunks) <= CHUNK_S * RATE)
    # the tone voice: 0.3 s a word
    assert length_s(chunks) == pytest.approx(0.3 * 6, abs=0.01)
    words = [(at * CHUNK_S, chunk.text) for at, chunk in enumerate(chunks[:-1]) if chunk.text]
    assert len(words) == 6 and np.allclose([t for t, _ in words], 0.3 * np.arange(6), atol=CHUNK_S)
    sound = np.concatenate([np.frombuffer(chunk.samples, np.int16) for chunk in chunks])
    assert np.abs(sound[:4_000]).max() > 3_000


def test_without_news_of_playback_no_more_is_sent_than_time_allows(fake: Speaker) -> None:
    epoch = next(EPOCHS)
    fake.ask(epoch)
    chunks = fake.reply(epoch)
    began, sent = seconds(chunks[0].header.stamp), 0.0
    for chunk in chunks:
        elapsed = seconds(chunk.header.stamp) - began
        assert sent - elapsed < AHEAD_S + 0.02, (sent, elapsed)
        sent += len(chunk.samples) / RATE


def test_speech_waits_for_a_loudspeaker_that_stands_still_and_goes_on_with_it(
        fake: Speaker) -> None:
    epoch = next(EPOCHS)
    fake.bench.until(lambda: fake.reacts.get_subscription_count())
    fake.ask(epoch, 'again')
    fake.bench.until(lambda: fake.of(epoch), 'the first chunk')
    until = time.time() + 1.2
    while time.time() < until:
        fake.play(epoch, 0.0)
        fake.bench.turn_until(time.time() + 0.05)
    assert AHEAD_S <= length_s(fake.of(epoch)) <= AHEAD_S + 2 * CHUNK_S
    assert not fake.of(epoch)[-1].last
    fake.play(epoch, 1.0)
    assert length_s(fake.reply(epoch)) == pytest.approx(1.8, abs=0.01)


def test_after_an_interrupt_no_chunk_of_the_old_reply_comes_any_more(fake: Speaker) -> None:
    old = next(EPOCHS)
    fake.ask(old)
    fake.bench.until(lambda: len(fake.of(old)) > 2, 'the beginning of the reply')
    fake.interrupts.publish(interrupt(old + 1, reason=Interrupt.BARGE_IN))
    for _ in range(3):                                   # by then the interrupt has been obeyed
        fake.bench.news(fake.name)
    assert fake.of(old) and not fake.of(old)[-1].last    # what waited for its turn never comes
    fake.speech.forget()
    fake.ask(old + 2)
    assert said(fake.reply(old + 2)) == FAKE_REPLY
    assert not fake.of(old)


def test_a_reply_does_not_begin_while_the_voice_is_low(fake: Speaker) -> None:
    """Somebody spoke up before its first sound: it would be whispered into their words."""
    epoch = next(EPOCHS)
    fake.interrupts.publish(interrupt(epoch, ducked=True))
    for _ in range(3):                                   # by then that has been obeyed
        fake.bench.news(fake.name)
    fake.ask(epoch)
    for _ in range(5):
        fake.bench.news(fake.name)
    assert not fake.of(epoch)
    fake.interrupts.publish(interrupt(epoch, reason=Interrupt.NO_INTERRUPT))
    assert said(fake.reply(epoch)) == FAKE_REPLY


def test_an_intention_of_an_older_epoch_is_dropped_and_counted(fake: Speaker) -> None:
    epoch = next(EPOCHS)
    before = fake.bench.counter(fake.name, 'stale intentions')
    fake.interrupts.publish(interrupt(epoch))
    fake.ask(epoch - 1)
    assert fake.bench.counted(fake.name, 'stale intentions', before + 1) == before + 1
    fake.ask(epoch)
    fake.reply(epoch)
    assert not fake.of(epoch - 1)


def test_impossible_history_and_playback_do_not_end_the_node(fake: Speaker) -> None:
    epoch = next(EPOCHS)
    fake.playback.publish(Playback(epoch=epoch - 10, state=200, rate=0, samples_played=2**63))
    fake.interrupts.publish(interrupt(epoch))
    fake.playback.publish(Playback(epoch=epoch, state=200, rate=0))
    fake.ask(epoch, '', (DialogueTurn(
        role=77, text='who said that?'), DialogueTurn(role=DialogueTurn.ROBOT, text='')))
    assert said(fake.reply(epoch)) == FAKE_REPLY
    assert fake.process.pid


@pytest.fixture(scope='module')
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture(scope='module')
def served(bench: Bench, free_port: int) -> Speaker:
    """Its server is down at first."""
    return Speaker(bench, 'served', llm=f'http://127.0.0.1:{free_port}/v1')


@pytest.fixture(scope='module')
def server(served: Speaker, free_port: int) -> Iterator[ModelServer]:
    made = ModelServer(free_port)
    yield made
    made.stop()


def assert_recovers(served: Speaker, server: ModelServer) -> None:
    server.mood = 'answers'
    epoch = next(EPOCHS)
    served.ask(epoch)
    assert said(served.reply(epoch)) == 'This is fine.'


def test_a_server_that_is_down_is_an_apology_and_an_error_until_it_is_up(
        served: Speaker, free_port: int, request: pytest.FixtureRequest) -> None:
    epoch = next(EPOCHS)
    served.ask(epoch)
    assert said(served.reply(epoch)) == APOLOGY
    error = served.bench.level(served.name, ERROR, f'http://127.0.0.1:{free_port}')
    assert 'cannot connect' in error.message and 'is the server running?' in error.message
    assert_recovers(served, request.getfixturevalue('server'))
    assert level_of(served.bench.level(served.name, OK)) == OK


def test_the_history_reaches_the_server_oldest_first(served: Speaker, server: ModelServer) -> None:
    epoch = next(EPOCHS)
    served.ask(epoch, 'and you?', (DialogueTurn(role=DialogueTurn.PERSON, text='I am Anna.'),
                                   DialogueTurn(role=DialogueTurn.ROBOT, text='Hello Anna.')))
    served.reply(epoch)
    texts = [message['content'] for message in server.asked[-1]]
    assert server.asked[-1][0]['role'] == 'system'
    assert [message['role'] for message in server.asked[-1][1:]] == ['user', 'assistant', 'user']
    assert 'I am Anna.' in texts[1] and 'Hello Anna.' in texts[2] and 'and you?' in texts[3]


def test_what_it_claims_to_see_and_nobody_sees_is_not_spoken_and_the_route_says_why(
        bench: Bench, served: Speaker, server: ModelServer) -> None:
    looks = bench.publisher(Look, 'look', qos.LOOK)
    routes: Heard = bench.listen(AnswerRoute, 'answer_route', qos.ROUTE)
    bench.matched(publishers=(looks, ), topics=('answer_route', ))

    def show() -> None:
        person = Track(id=1, label='person', hits=20, looks=20, score=0.9, best=0.9)
        person.first = person.born = person.last = stamp(time.time())
        look = Look(width=640, height=480, tracks=[person])
        look.header.stamp = stamp(time.time())
        looks.publish(look)

    bench.pacers.append(show)
    try:
        server.words = 'I see two zebras. I see one person.'
        spoken, claims = _told(served, routes)
        assert spoken == 'I am not sure what I see. I see one person.'
        assert '"I see two zebras." withheld: no zebra is seen' in claims
        server.words = 'I see one person. It is late.'
        assert _told(served, routes) == ('I see one person. It is late.', '')
    finally:
        bench.pacers.remove(show)
        server.words = 'This is fine.'


def test_of_a_reply_that_is_cut_off_it_is_told_who_worked_at_it(
        bench: Bench, served: Speaker, server: ModelServer) -> None:
    routes: Heard = bench.listen(AnswerRoute, 'answer_route', qos.ROUTE)
    bench.matched(topics=('answer_route', ))
    server.mood = 'slow'
    epoch = next(EPOCHS)
    served.ask(epoch, 'and then?')
    bench.until(lambda: served.of(epoch), 'its voice')
    served.interrupts.publish(interrupt(epoch + 1))
    served.playback.publish(Playback(epoch=epoch, state=Playback.FLUSHED, rate=RATE,
                                     samples_played=RATE, heard='Once upon'))
    route = bench.until(lambda: [one for one in routes if one.epoch == epoch], 'the route')[0]
    assert route.brief == 'and then?'
    assert {'language model', 'voice'} <= {step.specialist for step in route.steps}
    assert_recovers(served, server)


def _told(served: Speaker, routes: Heard) -> tuple[str, str]:
    """What is answered to a question about the picture, and what the route says of claims."""
    epoch = next(EPOCHS)
    served.bench.turn_until(time.time() + 0.3)           # looks get there
    served.ask(epoch, 'What do you see?')
    spoken = said(served.reply(epoch))
    route = served.bench.until(lambda: [one for one in routes if one.epoch == epoch],
                               'the route')[0]
    return spoken, ' '.join(step.why for step in route.steps if step.specialist == 'claims')


def test_what_was_spoken_before_a_server_closed_mid_stream_stays_and_the_next_reply_works(
        served: Speaker, server: ModelServer) -> None:
    server.mood = 'closes'
    epoch = next(EPOCHS)
    served.ask(epoch)
    words = said(served.reply(epoch))
    assert words == f'Once upon a time there was a very small robot. {APOLOGY}' or (
        words.startswith('Once upon a time there was a very small robot.')
        and words.endswith(APOLOGY)), words
    served.bench.level(served.name, ERROR, 'http://127.0.0.1')
    assert_recovers(served, server)


def test_a_server_that_falls_silent_is_given_up_after_a_while(served: Speaker,
                                                              server: ModelServer) -> None:
    server.mood = 'slow'
    epoch = next(EPOCHS)
    served.ask(epoch)
    words = said(served.reply(epoch))
    assert words.startswith('Once upon a time there was a very small robot.') and words.endswith(
        APOLOGY), words
    error = served.bench.level(served.name, ERROR, 'http://127.0.0.1')
    assert 'no word for' in error.message and 'overloaded or hangs' in error.message


def test_a_server_that_refuses_is_quoted(served: Speaker, server: ModelServer) -> None:
    server.mood = 'refuses'
    epoch = next(EPOCHS)
    served.ask(epoch)
    assert said(served.reply(epoch)) == APOLOGY
    assert 'HTTP 503' in served.bench.level(served.name, ERROR, 'HTTP').message


def test_a_person_does_not_wait_for_a_server_that_hangs_on_an_older_question(
        served: Speaker, server: ModelServer) -> None:
    server.mood = 'hangs'
    old = next(EPOCHS)
    asked = len(server.asked)
    served.ask(old)
    served.bench.until(lambda: len(server.asked) > asked, 'the request')
    server.mood = 'answers'
    began = time.monotonic()
    served.interrupts.publish(interrupt(old + 1, reason=Interrupt.BARGE_IN))
    served.ask(old + 2)
    assert said(served.reply(old + 2)) == 'This is fine.'
    assert time.monotonic() - began < 4.0
    assert not served.of(old)


@pytest.fixture(scope='module')
def thinker(bench: Bench, free_port: int) -> Speaker:
    return Speaker(bench, 'thinker', llm=f'http://127.0.0.1:{free_port}/v1',
                   filler='Let me think.', filler_after_s=0.4)


def test_a_long_think_is_filled_with_a_word_and_a_short_one_is_not(thinker: Speaker,
                                                                   server: ModelServer) -> None:
    for mood, words in (('answers', 'This is fine.'), ('late', 'Let me think. This is fine.'),
                        ('answers', 'This is fine.')):
        server.mood = mood
        epoch = next(EPOCHS)
        thinker.ask(epoch)
        assert said(thinker.reply(epoch)) == words


def test_an_interrupt_takes_the_filler_back_too(thinker: Speaker, server: ModelServer) -> None:
    server.mood = 'late'
    epoch = next(EPOCHS)
    thinker.ask(epoch)
    thinker.interrupts.publish(interrupt(epoch + 1))
    thinker.bench.turn_until(time.time() + 0.8)
    assert not thinker.of(epoch) and not thinker.of(epoch + 1)
