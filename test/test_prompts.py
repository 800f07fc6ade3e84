"""Prompts are chats that a template accepts and that a cache can keep."""

from __future__ import annotations

import os

import pytest

from omni_agent.core import prompts


@pytest.mark.parametrize('prompt',
                         [prompts.reply(),
                          prompts.reply('one person'),
                          prompts.judge('Hello?')])
def test_roles_alternate_after_the_system_prompt(prompt: prompts.Prompt) -> None:
    roles = [role for role, _ in prompt]
    assert roles[0] == 'system'
    assert roles[1:] == [('user', 'assistant')[at % 2] for at in range(len(roles) - 1)]
    assert all(text.strip() for _, text in prompt)


def test_only_the_last_line_of_the_question_changes() -> None:
    first, second = prompts.judge('Hello?'), prompts.judge('What time is it?')
    assert first[:-1] == second[:-1] and first[-1] != second[-1]
    assert second[-1] == ('user', '"What time is it?"')


def test_examples_are_balanced_and_never_three_alike_in_a_row() -> None:
    kinds = [robot for _, robot in prompts.JUDGE_EXAMPLES]
    assert sum(kinds) * 2 == len(kinds)
    assert all(len(set(kinds[at:at + 3])) == 2 for at in range(len(kinds) - 2))


def test_what_is_seen_stands_at_the_end_where_it_spoils_no_cache() -> None:
    seen = prompts.reply('one person and two cups')[0][1]
    assert seen.startswith(prompts.REPLY) and 'one person and two cups' in seen
    shared = os.path.commonprefix([seen, prompts.reply('a dog')[0][1]])
    assert shared.startswith(prompts.REPLY)


def test_a_speech_is_judged_by_its_end_and_braces_or_quotes_do_no_harm() -> None:
    text = 'word ' * 500 + 'is that {clear}, "robot"?'
    line = prompts.judge(text)[-1][1]
    assert len(line) <= prompts.LONGEST_UTTERANCE + 2
    assert line.endswith("{clear}, 'robot'?\"")
