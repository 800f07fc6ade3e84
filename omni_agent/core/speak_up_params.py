"""How sure, how soon and how politely the robot speaks up unasked: what people may set."""

from __future__ import annotations

from dataclasses import dataclass

from .params import param


@dataclass(frozen=True)
class SpeakUpParams:
    """How sure, how soon, and how politely."""

    LIVE = True          # each is read where it is used

    threshold: float = param(0.5, 'probability from which a change is told', 0.01, 0.99)
    patience_s: float = param(2.5, 'how long a doubtful change may gather evidence [s]', 0.0, 60.0)
    known_s: float = param(
        1.0,
        'what is seen this soon after the instruction, or after the camera came on, was there '
        'already [s]', 0.0, 30.0)
    news_s: float = param(
        5.0, 'what came or left longer ago than this when it was first noticed is no news [s]',
        0.1, 600.0)
    hold_s: float = param(0.5,
                          'how long a number of things, or that nobody is left, must last [s]',
                          0.0, 60.0)
    together_s: float = param(
        1.0, 'things that come, or go, within this of each other are one event; after it another '
        'thing that was seen beside the first is told in spite of the cool-down [s]', 0.0, 60.0)
    gap_s: float = param(3.0,
                         'a thing that is not seen for this long is not left alone any more [s]',
                         0.0, 60.0)
    model: bool = param(False, 'ask the language model before speaking up')
    model_margin: float = param(0.0, 'log odds of "speak" from which the language model agrees',
                                -10.0, 10.0)
    model_s: float = param(1.5, 'how long it may think; then the score alone decides [s]', 0.0,
                           30.0)
    over_speech: str = param('wait',
                             'a remark while somebody speaks: wait for silence, or drop it',
                             choices=('wait', 'drop'))
    wait_s: float = param(8.0, 'how long a remark may wait for silence [s]', 0.0, 120.0)
    breath_s: float = param(0.6, 'silence after which nobody speaks any more [s]', 0.0, 10.0)
    most: int = param(64, 'candidates at the same time', 1, 1000)
