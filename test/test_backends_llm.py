"""The embedded language model: streaming, cancelling, yes and no, and what happens when things go
wrong.
"""

from __future__ import annotations

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from human_recordings import need_model

from omni_agent.backends import Message
from omni_agent.backends.llm import SLOTS, LocalLlm, Slots, yes_margin
from omni_agent.core import prompts
from omni_agent.core.errors import BackendError

pytest.importorskip('xllamacpp')

PERSONA = Message('system', 'You are a robot that talks with people. ' * 12)
COUNT = [PERSONA, Message('user', 'Count from one to one hundred in words.')]


@pytest.fixture(scope='module')
def path() -> Path:
    return need_model('smollm2_135m', 'SmolLM2-135M-Instruct.Q4_1.gguf')


@pytest.fixture(scope='module')
def llm(path: Path):
    with contextlib.closing(LocalLlm(path)) as model:
        yield model


@pytest.fixture(scope='module')
def qwen():
    path = need_model('qwen2_5_0_5b', 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf')
    with contextlib.closing(LocalLlm(path)) as model:
        yield model


def seconds(call) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def test_a_reply_comes_in_pieces(llm: LocalLlm) -> None:
    pieces = list(llm.stream(COUNT, max_tokens=12))
    assert 6 <= len(pieces) <= 12
    assert ''.join(pieces).strip()


def test_the_same_question_gets_the_same_answer(llm: LocalLlm) -> None:
    assert ''.join(llm.stream(COUNT, 12)) == ''.join(llm.stream(COUNT, 12))


def test_a_warm_prompt_makes_the_first_word_come_sooner(llm: LocalLlm) -> None:
    def first(persona: str) -> float:
        stream = llm.stream([Message('system', persona), Message('user', 'Hi!')], 4)
        try:
            return seconds(lambda: next(stream))
        finally:
            stream.close()
    long = 'You are a patient robot that answers in one sentence. ' * 30
    cold = first('A' + long)
    llm.warm([Message('system', 'B' + long)])
    assert first('B' + long) < 0.5 * cold


def test_closing_the_stream_stops_the_computation_soon(llm: LocalLlm) -> None:
    whole = seconds(lambda: list(llm.stream(COUNT, 60)))
    stream = llm.stream(COUNT, 60)
    next(stream)
    assert seconds(stream.close) < 0.02
    # the next request waits for no more than the token that was being computed
    assert seconds(lambda: next(llm.stream(COUNT, 1))) < 0.5 * whole


def test_a_stream_that_was_never_read_costs_nothing(llm: LocalLlm) -> None:
    llm.stream(COUNT, 500).close()
    assert seconds(lambda: list(llm.stream(COUNT, 2))) < 5.0


def test_asking_yes_or_no_during_a_reply_neither_waits_for_it_nor_changes_it(
        llm: LocalLlm) -> None:
    alone = ''.join(llm.stream(COUNT, 40))
    question = [Message('system', 'Answer Yes or No.'), Message('user', 'Is water wet?')]
    llm.margin(question)
    stream = llm.stream(COUNT, 40)
    pieces = [next(stream)]
    llm.margin(question)
    before = len(pieces)
    pieces += list(stream)
    assert before == 1 and ''.join(pieces) == alone


def test_several_threads_may_ask_at_once(llm: LocalLlm) -> None:
    expected = ''.join(llm.stream(COUNT, 6))
    answers: list[str] = []
    threads = [
        threading.Thread(target=lambda: answers.append(''.join(llm.stream(COUNT, 6))))
        for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert answers == [expected] * 4


@pytest.mark.parametrize('ask', [lambda llm, m: list(llm.stream(m)), lambda llm, m: llm.margin(m),
                                 lambda llm, m: llm.warm(m)], ids=['stream', 'margin', 'warm'])
def test_a_prompt_that_does_not_fit_is_refused_and_the_next_one_works(llm: LocalLlm, ask) -> None:
    with pytest.raises(BackendError, match='context size'):
        ask(llm, [Message('user', 'word ' * 5000)])
    assert list(llm.stream(COUNT, 2))


def test_people_talking_to_each_other_are_told_from_people_talking_to_the_robot(
        qwen: LocalLlm) -> None:
    """None of these sentences was used for choosing the prompt."""
    robot = ['What is seventeen times six?', 'Follow me.', 'Can you hear me?',
             'Tell me about black holes.', 'What do you see on the table?',
             'Go back to your charger.', 'How old is the universe?', 'Look at this, what is it?']
    people = [
        'Did you pay the electricity bill?', 'She left him for his best friend.',
        'Dad, can I go out tonight?', 'Where did you two meet?', 'How is your mother doing?',
        'You never listen to me, Mark.', 'The neighbours were so loud again.', 'I love you too.']
    margins = [[qwen.margin([Message(*line) for line in prompts.judge(text)]) for text in kind]
               for kind in (robot, people)]
    rank = sum((a > b) + 0.5 * (a == b)
               for a in margins[0] for b in margins[1]) / (len(robot) * len(people))
    assert rank > 0.85, f'area under the ROC curve {rank:.2f}'


def test_the_robot_answers_briefly_and_to_the_point(qwen: LocalLlm) -> None:
    system = Message('system', prompts.REPLY)
    reply = ''.join(qwen.stream([system, Message('user', 'What is the capital of France?')], 48))
    assert 'Paris' in reply and len(reply.split()) <= 15
    assert not re.search(r'[*#`]', reply)


def test_a_margin_is_the_sum_over_spellings_and_bounded_by_what_was_listed() -> None:
    listed = {'Yes': -1.0, ' yes': -1.0, 'No': -2.0, 'Maybe': -6.0}
    assert yes_margin(listed) == pytest.approx(-1.0 + 0.6931 + 2.0, abs=1e-3)
    assert yes_margin({'Yes': -0.1, 'The': -5.0}) == pytest.approx(4.9)
    assert yes_margin({'The': -5.0}) == 0.0
    with pytest.raises(BackendError):
        yes_margin({})


def test_a_prompt_returns_to_its_cache_and_a_new_one_takes_the_one_idle_longest() -> None:
    slots = Slots(SLOTS)

    def ask(head: str) -> int:
        with slots.of([Message('system', head)]) as slot:
            return slot
    a, b = ask('a'), ask('b')
    assert a != b
    assert (ask('a'), ask('b'), ask('a')) == (a, b, a)
    assert ask('c') == b
    assert ask('a') == a


@pytest.mark.parametrize('content', [None, b'', b'GGUF' + bytes(100)],
                         ids=['missing', 'empty', 'damaged'])
def test_a_file_that_is_no_model_is_reported_with_its_path(
        tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / 'broken.gguf'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BackendError, match='broken.gguf'):
        LocalLlm(path)


def test_a_closed_model_says_so(path: Path) -> None:
    model = LocalLlm(path, context=256)
    model.close()
    model.close()
    with pytest.raises(BackendError, match='closed'):
        list(model.stream(COUNT))


SCRIPT = '''
import sys, threading
from omni_agent.backends import Message
from omni_agent.backends.llm import LocalLlm
llm = LocalLlm(sys.argv[1], context=512)
if sys.argv[2] == 'speaking':
    stream = llm.stream([Message('user', 'Count to one thousand.')], 400)
    next(stream)
if sys.argv[2] == 'listening':
    import os
    print(os.getpid(), flush=True)
    sys.stdin.read()
'''


@pytest.mark.parametrize('state', ['idle', 'speaking'])
def test_a_process_ends_cleanly_and_writes_nothing(path: Path, state: str) -> None:
    """llama.cpp writes to file descriptor 2 behind Python's back, and its engine can hang when it
    is destroyed.
    """
    done = subprocess.run([sys.executable, '-c', SCRIPT, str(path), state],
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, '', '')


def test_its_log_can_be_brought_back(path: Path) -> None:
    done = subprocess.run([sys.executable, '-c', SCRIPT, str(path), 'idle'],
                          capture_output=True, text=True, timeout=60,
                          env={**os.environ, 'OMNI_AGENT_LLM_LOG': '1'})
    assert done.returncode == 0 and 'SmolLM2' in done.stderr


def test_nobody_else_can_use_its_listener(path: Path) -> None:
    import httpx
    with subprocess.Popen([sys.executable, '-c', SCRIPT, str(path), 'listening'],
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        addresses = listeners(int(process.stdout.readline()))
        assert all(host == '127.0.0.1' for host, _ in addresses)
        for _, port in addresses:
            for route in ('/', '/slots', '/props', '/v1/chat/completions'):
                answer = httpx.post(
                    f'http://127.0.0.1:{port}{route}', json={'messages': []},
                    trust_env=False)
                assert answer.status_code in (401, 403, 404), (route, answer.text)
        process.stdin.close()
        assert process.wait(30) == 0


def listeners(pid: int) -> list[tuple[str, int]]:
    """(address, port) of the TCP sockets that a process listens on, from /proc."""
    own = {os.readlink(link) for link in Path(f'/proc/{pid}/fd').iterdir() if link.is_symlink()}
    found = []
    for line in Path(f'/proc/{pid}/net/tcp').read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == '0A' and f'socket:[{fields[9]}]' in own:
            host, port = fields[1].split(':')
            found.append((socket.inet_ntoa(bytes.fromhex(host)[::-1]), int(port, 16)))
    assert found
    return found
