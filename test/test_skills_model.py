"""Requests with a real language model: answers under a schema, and plans for words that no phrase
covers.
"""

from __future__ import annotations

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Iterator

import pytest
from human_recordings import need_model
from skill_sentences import told
from test_skill_plan import INJECTIONS

from omni_agent.backends import Message, skills
from omni_agent.backends.fake import ScriptedLlm
from omni_agent.backends.llm import LocalLlm
from omni_agent.backends.llm_server import ServerLlm
from omni_agent.core.errors import BackendError
from omni_agent.core.skill_plan import Declined, Plan, Planner

QUESTION = [
    Message('system', 'Answer with the name of a colour.'),
    Message('user', 'What colour is grass?')
]
COLOURS = {'enum': ['red', 'green', 'blue']}


@pytest.fixture(scope='module')
def qwen() -> Iterator[LocalLlm]:
    pytest.importorskip('xllamacpp')
    path = need_model('qwen2_5_0_5b', 'qwen2.5-coder-0.5b-instruct-q4_k_m.gguf')
    with contextlib.closing(LocalLlm(path)) as model:
        yield model


@pytest.fixture(scope='module')
def planner(qwen: LocalLlm) -> Planner:
    return skills.planner(skills.load('simulated'), qwen)


# -- answers under a schema -----------------------------------------------------------------------


def test_the_model_can_write_nothing_but_what_the_schema_allows(qwen: LocalLlm) -> None:
    assert json.loads(qwen.answer(QUESTION, COLOURS)) in COLOURS['enum']
    shape = {'type': 'object', 'properties': {'n': {'type': 'integer'}}, 'required': ['n'],
             'additionalProperties': False}
    assert isinstance(json.loads(qwen.answer(QUESTION, shape))['n'], int)


def test_a_schema_that_is_none_is_refused_and_the_next_one_works(qwen: LocalLlm) -> None:
    with pytest.raises(BackendError, match='refused'):
        qwen.answer(QUESTION, {'type': 'nonsense'})
    assert json.loads(qwen.answer(QUESTION, COLOURS))


class OpenAi(BaseHTTPRequestHandler):
    """Answers as servers do that know response_format; keeps what it was asked."""

    asked: list[dict] = []
    content = '{"answer": "green"}'

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
        body = json.dumps({'choices': [{'message': {'content': self.content}}]}).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing is written."""


@pytest.fixture
def remote() -> Iterator[ServerLlm]:
    pytest.importorskip('httpx')
    OpenAi.asked.clear()
    with HTTPServer(('127.0.0.1', 0), OpenAi) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with contextlib.closing(
                ServerLlm(f'http://127.0.0.1:{server.server_port}/v1', 'some-model')) as model:
            yield model
        server.shutdown()


def test_a_server_gets_an_object_as_schema_and_its_answer_is_taken_out(remote: ServerLlm) -> None:
    assert remote.answer(QUESTION, COLOURS) == '"green"'
    wanted = OpenAi.asked[0]['response_format']['json_schema']
    assert wanted['strict'] and wanted['schema']['properties'] == {'answer': COLOURS}
    assert (wanted['schema']['required'] == ['answer']
            and wanted['schema']['additionalProperties'] is False)


def test_a_server_that_ignores_the_schema_moves_nothing(remote: ServerLlm,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OpenAi, 'content', 'Sure! I would use "drive" for that.')
    assert remote.answer(QUESTION, COLOURS).startswith('Sure')
    found = skills.planner(skills.load(), remote).plan('Shuffle forward.')
    assert isinstance(found, Declined) and 'Sure' in found.why


def test_a_scripted_model_declines_what_it_has_no_answer_for() -> None:
    model = ScriptedLlm(answers={'shuffle forward': '"drive"'})
    planner = skills.planner(skills.load(), model)
    assert told(planner.plan('Shuffle forward.')) == 'drive direction=forward'
    assert isinstance(planner.plan('Bring me a coffee.'), Declined)


# -- plans ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    'text, plan', [('Shuffle backwards for two seconds.', 'drive direction=backward duration=2'),
                   ('Swivel your body ninety degrees to the right.', 'turn direction=right'),
                   ('Wander over to the kitchen, would you?', 'go_to place=kitchen'),
                   ('Turn left and march ahead three feet.',
                    'turn direction=left; drive direction=forward distance=0.9144')])
def test_other_wordings_become_plans_with_the_model(planner: Planner, text: str,
                                                    plan: str) -> None:
    found = planner.plan(text)
    assert told(found) == plan and found.by_model


@pytest.mark.parametrize('text', [
    'Bring me a coffee.', 'Open the kitchen door.', 'Wave with your left hand.',
    'Go to the kitchen and clean the floor.', 'Pick up the shutdown button and press it.',
    'Move the kitchen table back.'
])
def test_what_no_skill_does_is_declined_with_the_model_too(planner: Planner, text: str) -> None:
    assert isinstance(planner.plan(text), Declined)


@pytest.mark.parametrize('text', INJECTIONS)
def test_nobody_talks_the_model_into_a_movement(planner: Planner, text: str) -> None:
    found = planner.plan(text)
    assert not isinstance(found, Plan) or not any(call.skill.motion for call in found.calls)


def test_a_question_about_the_list_leaves_the_other_prompt_in_its_cache(
        qwen: LocalLlm, planner: Planner) -> None:
    """The engine has two: one for the list of skills, one for whom something was meant."""
    planner.warm()
    first = qwen.answer(QUESTION, COLOURS)
    planner.plan('Shuffle forward a metre.')
    assert qwen.answer(QUESTION, COLOURS) == first
