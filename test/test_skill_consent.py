"""Asking before: what sets a plan off that waits for a yes, and what drops it."""

from __future__ import annotations

import pytest

from omni_agent.backends import languages, skills
from omni_agent.core.skill_consent import Agreed, Consent, ConsentParams, Dropped
from omni_agent.core.skill_plan import Plan

PLANNER = skills.planner(skills.load('simulated'))
WAIT_S = ConsentParams().wait_s


@pytest.fixture
def plan() -> Plan:
    found = PLANNER.quick('Forget everything.')
    assert isinstance(found, Plan) and found.confirm
    return found


@pytest.fixture
def consent(plan: Plan) -> Consent:
    asked = Consent(skills.words())
    asked.ask(plan, 0.0)
    return asked


def test_the_question_says_what_and_wants_yes_or_no(plan: Plan) -> None:
    question = Consent(skills.words()).ask(plan, 0.0)
    assert question == 'I forget that for good. Shall I?'
    assert languages.lexicon('en').wants_yes_or_no(question)


@pytest.mark.parametrize('text', [
    'Yes.', 'yeah', 'Yes, please.', 'Sure, go ahead.', 'Okay, do it.', 'Of course!',
    "Yes, that's right, thank you.", 'Yep yep', 'Absolutely.', 'Um, yes.'
])
def test_a_yes_sets_it_off_once(consent: Consent, plan: Plan, text: str) -> None:
    assert consent.hear(text, 5.0) == Agreed(plan)
    assert consent.hear(text, 6.0) is None


@pytest.mark.parametrize('text', [
    'No.', 'No, thanks.', "Don't.", 'Yes, no, wait.', 'Never mind.', 'Nope', 'Cancel that.',
    'Okay, but not now.', 'Yes but do not forget Bob.', 'Stop.', 'Better not.',
    'Please don\u2019t do it.', 'Sure... no.'
])
def test_a_no_drops_it_and_is_answered(consent: Consent, text: str) -> None:
    found = consent.hear(text, 5.0)
    assert isinstance(found, Dropped) and found.text
    assert consent.hear('Yes.', 6.0) is None


@pytest.mark.parametrize('text', [
    'What time is it?', 'Tell me a story.', 'Yes, what is the capital of Italy?', '', 'Mm-hm.',
    'Anna said yes.', 'Turn left.', 'Please.'
])
def test_anything_else_drops_it_without_a_word_and_is_answered_itself(consent: Consent,
                                                                      text: str) -> None:
    assert consent.hear(text, 5.0) == Dropped('')
    assert consent.hear('Yes.', 6.0) is None


def test_a_yes_that_comes_too_late_sets_nothing_off(consent: Consent) -> None:
    assert consent.deadline() == WAIT_S
    assert consent.hear('Yes.', WAIT_S) is None


def test_the_time_to_answer_begins_when_the_question_was_said(consent: Consent,
                                                              plan: Plan) -> None:
    consent.asked(10.0)
    assert consent.hear('Yes.', WAIT_S + 9.0) == Agreed(plan)


def test_a_stop_drops_it(consent: Consent) -> None:
    consent.drop()
    assert consent.hear('Yes.', 1.0) is None and consent.deadline() is None


def test_an_answer_that_goes_on_is_heard_again_as_a_whole(consent: Consent, plan: Plan) -> None:
    assert consent.hear('Yes.', 5.0) == Agreed(plan)
    consent.take_back()
    assert consent.hear('Yes, please do.', 5.5) == Agreed(plan)
    consent.take_back()
    found = consent.hear('Yes... no, wait.', 6.0)
    assert isinstance(found, Dropped) and found.text
    consent.drop()
    consent.take_back()
    assert consent.hear('Yes.', 7.0) is None


def test_a_newer_question_takes_the_place_of_an_older_one(consent: Consent) -> None:
    newer = PLANNER.quick('Turn left and forget everything about Bob.')
    assert isinstance(newer, Plan)
    consent.ask(newer, 3.0)
    assert consent.hear('Yes.', 4.0) == Agreed(newer)


def test_nothing_is_agreed_to_that_was_not_asked() -> None:
    assert Consent(skills.words()).hear('Yes.', 0.0) is None
