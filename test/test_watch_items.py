"""Standing instructions: understood, confirmed, listed, kept, cancelled, declined."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omni_agent.backends import watching
from omni_agent.core.errors import ConfigError, OmniAgentError
from omni_agent.core.watch_items import Answer, Kind, WatchItems, WatchItemsParams


@pytest.fixture
def items() -> WatchItems:
    return WatchItems(watching.watch_words())


UNDERSTOOD = [
    ('Tell me when somebody comes in.', Kind.APPEARS, 'person'),
    ('Could you please let me know if anyone shows up?', Kind.APPEARS, 'person'),
    ('Hey robot, warn me when a visitor arrives', Kind.APPEARS, 'person'),
    ('Let me know when the dog is back.', Kind.APPEARS, 'dog'),
    ('When the bus arrives, please let me know.', Kind.APPEARS, 'bus'),
    ('Whenever you see a cat, tell me.', Kind.APPEARS, 'cat'),
    ('Watch out for the puppy', Kind.APPEARS, 'dog'),
    ('Alert me if there is a van.', Kind.APPEARS, 'truck'),
    ('Remind me when my wife leaves.', Kind.LEAVES, 'person'),
    ('Tell me if the teddy is gone', Kind.LEAVES, 'teddy bear'),
    ('Tell me when everybody has left.', Kind.LEAVES, 'person'),
    ('Warn me if the stove is left alone.', Kind.ALONE, 'oven'),
    ('Warn me if my bag is unattended for a minute', Kind.ALONE, 'handbag'),
    ('Let me know if the bike is moved', Kind.MOVES, 'bicycle'),
    ('Tell me when there are more than two people', Kind.COUNT, 'person'),
    ('tell me if you see two dogs', Kind.COUNT, 'dog'),
]


@pytest.mark.parametrize(('sentence', 'kind', 'label'), UNDERSTOOD)
def test_what_people_ask_for_is_understood_and_confirmed(items: WatchItems, sentence: str,
                                                         kind: Kind, label: str) -> None:
    reply = items.hear(sentence, 5.0)
    assert reply.answer is Answer.ADDED and reply.changed
    assert (reply.item.kind, reply.item.labels) == (kind, (label,))
    assert (reply.text.startswith('Okay. I will') and reply.text.endswith('.')
            and '{' not in reply.text)
    assert reply.item.sentence == sentence and reply.item.asked_s == 5.0


NOT_ABOUT_WATCHING = [
    'What is the time?', 'Tell me a story about a dog.', 'Tell me when the war ended.',
    'Tell me if Paris is the capital of France.', 'Tell me who comes to the party.',
    'Do not tell me what to do.', 'I saw a dog when I came in.', 'The dog is back.', 'Stop.',
    'Never mind.', 'What do you see?', '', '...', 'Somebody comes in every day.',
    'If a dog barks, what does it mean?', 'Tell me how many people are here.'
]


@pytest.mark.parametrize('sentence', NOT_ABOUT_WATCHING)
def test_other_sentences_are_left_to_others(items: WatchItems, sentence: str) -> None:
    items.hear('Tell me when a dog comes in.', 1.0)
    assert items.hear(sentence, 5.0) is None and len(items) == 1


def test_times_numbers_and_reminders_are_kept(items: WatchItems) -> None:
    assert (items.hear('Warn me if the child is left alone for two minutes.',
                       0.0).item.for_s == 120.0)
    assert items.hear('Warn me if the oven is left alone', 0.0).item.for_s == items.params.alone_s
    assert items.hear('tell me when there are more than two people', 0.0).item.at_least == 3
    reply = items.hear('Remind me to take the keys when I leave.', 0.0)
    assert (reply.item.note == 'take the keys' and reply.item.kind is Kind.LEAVES
            and reply.item.once)
    assert 'take the keys' in items.remark(reply.item)


def test_once_is_over_when_it_was_told_and_always_is_not(items: WatchItems) -> None:
    once = items.hear('Tell me the next time a car drives by.', 0.0).item
    always = items.hear('Tell me every time a cat comes in.', 0.0).item
    assert once.once and not always.once
    assert items.done(once.id) and not items.done(always.id)
    assert [item.id for item in items] == [always.id]


@pytest.mark.parametrize(('sentence', 'words'), [
    ('Tell me when the unicorn arrives.', 'not learnt to recognise a unicorn'),
    ('Look out for dragons.', 'dragons'),
    ('Warn me when someone gets near the oven.', 'not for that'),
])
def test_what_cannot_be_watched_for_is_declined_with_a_sentence(items: WatchItems, sentence: str,
                                                                words: str) -> None:
    reply = items.hear(sentence, 0.0)
    assert (reply.answer is Answer.DECLINED and words in reply.text and not reply.changed
            and len(items) == 0)


def test_without_a_camera_everything_is_declined(items: WatchItems) -> None:
    assert items.hear('Tell me when somebody comes in.', 0.0, sees=False).answer is Answer.DECLINED
    assert len(items) == 0


def test_they_can_be_listed_and_cancelled_one_by_one_or_all(items: WatchItems) -> None:
    assert items.hear('What are you watching for?', 0.0).text == 'I am not watching for anything.'
    items.hear('Tell me when somebody comes in.', 0.0)
    items.hear('Tell me when the dog leaves.', 0.0)
    listed = items.hear('What are you looking out for, please?', 0.0)
    assert (listed.answer is Answer.LISTED
            and 'a person comes into view, or when a dog leaves' in listed.text)
    assert (items.hear('Forget that about the cat.',
                       0.0).text == 'I was not watching for anything like that.')
    gone = items.hear('Forget that about the dog.', 0.0)
    assert gone.answer is Answer.CANCELLED and 'a dog leaves' in gone.text and len(items) == 1
    items.hear('Tell me when the dog leaves.', 0.0)
    assert (items.hear('Okay, stop telling me now, please.', 0.0).answer is Answer.CANCELLED
            and len(items) == 0)


def test_the_same_instruction_twice_is_one(items: WatchItems) -> None:
    items.hear('Tell me when somebody comes in.', 0.0)
    reply = items.hear('Let me know if anybody shows up.', 0.0)
    assert reply.answer is Answer.ALREADY and len(items) == 1


def test_there_is_a_bound_and_it_is_said() -> None:
    items = WatchItems(watching.watch_words(), WatchItemsParams(most=3))
    for label in ('cat', 'dog', 'bird'):
        assert items.hear(f'Tell me when a {label} comes in.', 0.0).answer is Answer.ADDED
    reply = items.hear('Tell me when a horse comes in.', 0.0)
    assert reply.answer is Answer.DECLINED and '3' in reply.text and len(items) == 3


def test_a_restart_forgets_nothing(items: WatchItems, tmp_path: Path) -> None:
    for sentence, _, _ in UNDERSTOOD:
        items.hear(sentence, 17.25)
    items.hear('Remind me to call Jo when the bus arrives.', 18.0)
    watching.keep(items, tmp_path / 'new' / 'watching.json')
    later = WatchItems(watching.watch_words())
    assert watching.restore(later, tmp_path / 'new' / 'watching.json') == len(items) > 10
    assert list(later) == list(items)
    assert (later.hear('Tell me when a zebra comes in.', 20.0).item.id
            not in {item.id
                    for item in items})


def test_no_file_is_no_instructions(items: WatchItems, tmp_path: Path) -> None:
    assert watching.restore(items, tmp_path / 'none.json') == 0


GOOD = {
    'id': 1,
    'kind': 'appears',
    'labels': 'dog',
    'sentence': 's',
    'asked_s': 1,
    'cool_down_s': 3,
    'for_s': 0,
    'at_least': 1,
    'once': 'no',
    'nobody': 'no',
    'back': 'no'
}


@pytest.mark.parametrize(('text', 'words'), [
    ('', 'not JSON'),
    ('[', 'not JSON'),
    ('[]', 'table'),
    ('{"version": 9, "items": []}', 'version'),
    (json.dumps({
        'version': 1,
        'items': [{
            **GOOD, 'labels': 'unicorn'
        }]
    }), 'unicorn'),
    (json.dumps({
        'version': 1,
        'items': [{
            **GOOD, 'kind': 'explodes'
        }]
    }), 'explodes'),
    (json.dumps({
        'version': 1,
        'items': [{
            **GOOD, 'for_s': 1e99
        }]
    }), 'for_s'),
    (json.dumps({
        'version': 1,
        'items': [{
            **GOOD, 'shell': 'rm'
        }]
    }), 'shell'),
    (json.dumps({
        'version': 1,
        'items': [GOOD, GOOD]
    }), 'id'),
    ('{"version": 1, "items": [' + ' ' * 300_000 + ']}', 'characters'),
    ('[' * 100_000, 'not JSON'),
])
def test_a_bad_file_is_refused_with_a_sentence_and_changes_nothing(items: WatchItems,
                                                                   tmp_path: Path, text: str,
                                                                   words: str) -> None:
    items.hear('Tell me when somebody comes in.', 0.0)
    path = tmp_path / 'watching.json'
    path.write_text(text)
    with pytest.raises(ConfigError, match=words) as refused:
        watching.restore(items, path)
    assert str(path) in str(refused.value) and len(items) == 1


def test_bytes_that_are_no_text_are_refused(items: WatchItems, tmp_path: Path) -> None:
    (tmp_path / 'x').write_bytes(b'\xff\xfe\x00\x80')
    with pytest.raises(OmniAgentError, match='cannot be read'):
        watching.restore(items, tmp_path / 'x')


@given(
    st.lists(
        st.sampled_from(
            'tell me when if somebody the dog comes in leaves is left alone for two minutes stop '
            'telling forget about there are more than please , .'.split()), max_size=14))
def test_any_words_get_an_answer_or_none_and_never_a_crash(tokens: list[str]) -> None:
    items = WatchItems(watching.watch_words())
    items.hear('Tell me when a dog leaves.', 0.0)
    reply = items.hear(' '.join(tokens), 1.0)
    assert reply is None or reply.text and '{' not in reply.text
    later = WatchItems(watching.watch_words())
    later.restore(items.to_json())
    assert list(later) == list(items)


def test_every_label_of_the_detector_can_be_watched_for_in_the_singular_and_the_plural(
        items: WatchItems) -> None:
    from omni_agent.backends.vision import LABELS
    from omni_agent.core.scene import plural

    for label in LABELS:
        for name in (label, plural(label)):
            reply = WatchItems(items.words).hear(f'Tell me when the {name} comes in.', 0.0)
            assert reply.item is not None and reply.item.labels == (label,), name


def test_a_mistake_in_the_words_is_named_with_its_line(tmp_path: Path) -> None:
    from omni_agent.share import share_dir

    text = (share_dir() / 'config' / 'watching' / 'en.yaml').read_text()
    bad = tmp_path / 'en.yaml'
    bad.write_text(text.replace('{clause}.', '{clouse}.', 1))
    with pytest.raises(ConfigError, match=r'en\.yaml:\d+: .*clouse'):
        watching.load(bad)
    bad.write_text(text.replace('synonyms:', 'synonyms:\n  unicorn: horsey', 1))
    with pytest.raises(ConfigError, match='unicorn'):
        watching.load(bad)


def test_who_speaks_a_language_without_such_words_gives_instructions_in_english() -> None:
    assert watching.watch_words('xx,de').code == 'en'
