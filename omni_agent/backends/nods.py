"""Whether somebody only nodded: the only place that asks the recogniser how likely words are that
it did not choose.

Of a short "uh-huh" a recogniser writes "I'm not", of a "sure" with an echo in it "Sore up". Its
own words do not show that; but the same decoder finds "Uh-huh." nearly as likely on that sound,
and it never does on a question or a request.
"""

from __future__ import annotations

from typing import Callable, Mapping, Sequence, TypeVar

import numpy as np

from omni_agent.backends.tokens import log_softmax

# As the English recognisers write them, which share one vocabulary
SPELT = ('Yeah.', 'Yes.', 'Okay.', 'Right.', 'Sure.', 'Mm-hmm.', 'Uh-huh.', 'Oh.', 'I see.',
         'Of course.', 'Got it.', 'Good.', 'Thank you.', 'Wow.', 'Really?', 'Yeah, yeah.')
# [nat] below it nobody asks how much less likely: most of the search is not made
FLOOR = -7.0

State = TypeVar('State')
Tree = Mapping[int, 'Tree']
Step = Callable[[State, int], 'tuple[State, np.ndarray]']


def tree(phrases: Sequence[Sequence[int]], end: int) -> Tree:
    """Of phrases in tokens: token by token, and ``end`` after the last."""
    found: dict = {}
    for phrase in phrases:
        at = found
        for token in (*phrase, end):
            at = at.setdefault(token, {})
    return found


def likeliest(phrases: Tree, state: State, logits: np.ndarray, step: Step[State],
              total: float = 0.0, least: float = FLOOR) -> float:
    """Log probability [nat] of the likeliest of the phrases, or ``least`` if none is likelier.

    ``logits`` (vocabulary,): of the next token. ``step`` feeds a token to the decoder; it is
    asked only where a phrase may still be likelier than the best so far.
    """
    likely = log_softmax(logits)
    for token in sorted(phrases, key=lambda token: -likely[token]):
        value = total + float(likely[token])
        if value <= least:
            break                                # and so are the others
        if phrases[token]:
            after, following = step(state, token)
            least = likeliest(phrases[token], after, following, step, value, least)
        else:
            least = value
    return least
