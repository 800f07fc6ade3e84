"""The models that listen: made by their names in parameters, and asked as the ears want it. Each
answer is for ``core/ears.py``.
"""

from __future__ import annotations

import math
import time

import numpy as np

from omni_agent.backends import (RATE, FinalHearer, NodHearer, Recogniser, TurnEnd, Vad, load,
                                 voice_cues)
from omni_agent.core.cues import NOD
from omni_agent.core.ears import Recognise, Recognised, TurnEndJudged
from omni_agent.core.utterance import PRE_ROLL, Request

# [samples] of the pre-roll that a nod needs not: there the echo of the robot's words is
BEFORE = PRE_ROLL - RATE // 10
LONGEST_NOD = round(1.2 * RATE)


def voices(name: str) -> tuple[Vad, Vad]:
    """One model for each stream: each has a memory."""
    return load.vad(name), load.vad(name)


def transcribe(recognise: Recogniser | None, wanted: Recognise) -> Recognised:
    """Words and cues; without a recogniser no words. Raises what the model raises."""
    request, samples = wanted.request, wanted.samples
    began = time.monotonic()
    hear = (recognise.final if request.final and isinstance(recognise, FinalHearer)
            else recognise)
    text = hear(samples).strip() if hear else ''
    nod = _nod(recognise, wanted, text)
    seconds = time.monotonic() - began
    measured = voice_cues.measure(samples)
    cues = (*measured.cues.items(), *(() if nod is None else ((NOD, nod),)))
    return Recognised(request, text, seconds, cues, measured.print)


def _nod(recognise: Recogniser | None, wanted: Recognise, text: str) -> float | None:
    """Asked where it matters: of more than a word over the robot's voice, and no longer than a
    nod.
    """
    voiced = wanted.samples[BEFORE:]
    if (not wanted.over or len(text.split()) < 2 or voiced.size > LONGEST_NOD
            or not isinstance(recognise, NodHearer)):
        return None
    return recognise.nod(voiced)


def judge_end(judge: TurnEnd | None, request: Request, samples: np.ndarray) -> TurnEndJudged:
    """NaN without a model. Raises what the model raises."""
    return TurnEndJudged(request, judge(samples) if judge else math.nan)
