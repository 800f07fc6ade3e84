"""A small language model says whether a sentence ends here; real weights, and the decision node's
use of them.
"""

from __future__ import annotations

import pytest
from human_recordings import need_model

from omni_agent.backends import load
from omni_agent.backends.llm import likeliest
from omni_agent.backends.sentence_end import SentenceEnd, ends
from omni_agent.core.errors import BackendError, ConfigError

WHOLE = ('I have not seen him for a long time', 'Can you tell me what time it is',
         'What is the capital of France')
OPEN = ('I would like to go to the', 'Can you tell me what', 'You are entering conference number')


@pytest.fixture(scope='module')
def ending() -> SentenceEnd:
    return SentenceEnd(need_model('smollm2_135m', 'SmolLM2-135M-Instruct.Q4_1.gguf'))


def test_whole_sentences_end_and_open_ones_do_not(ending: SentenceEnd) -> None:
    whole, cut = [ending(text) for text in WHOLE], [ending(text) for text in OPEN]
    assert all(0.0 <= share <= 1.0 for share in whole + cut)
    assert max(cut) < 0.2 < min(whole)


def test_the_same_words_get_the_same_answer(ending: SentenceEnd) -> None:
    assert ending(WHOLE[0]) == pytest.approx(ending(WHOLE[0]), abs=0.02)


def test_tokens_that_close_a_sentence() -> None:
    assert all(ends(token) for token in ('.', '?"', ' !', '"', '\n', ''))
    assert not any(ends(token) for token in (',', ' and', ' .5'[2:], "'s"))


def test_both_spellings_of_llama_cpp_are_read() -> None:
    assert (likeliest(
        {'completion_probabilities': [{
            'top_logprobs': [{
                'token': '.',
                'logprob': 0.0
            }]
        }]}) == {
            '.': 1.0
        })
    assert (likeliest({'completion_probabilities': [{
        'top_probs': [{
            'token': '.',
            'prob': 0.5
        }]
    }]}) == {
        '.': 0.5
    })


def test_names_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match='smollm2_135m'):
        load.sentence_end('nothing')
    with pytest.raises(BackendError, match='does not exist'):
        load.sentence_end('/nowhere/model.gguf')
    assert load.sentence_end('fake')('any words') == 1.0
