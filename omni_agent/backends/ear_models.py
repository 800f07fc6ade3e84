"""The models that listen: made by their names in parameters, and asked as the ears want it. Each
answer is for ``core/ears.py``.
"""

from __future__ import annotations

import math
import time

import numpy as np

from omni_agent.backends import Recogniser, TurnEnd, Vad, load, voice_cues
from omni_agent.backends.asr import TwoPass
from omni_agent.core.ears import Recognised, TurnEndJudged
from omni_agent.core.utterance import Request


def voices(name: str) -> tuple[Vad, Vad]:
    """One model for each stream: each has a memory."""
    return load.vad(name), load.vad(name)


def transcribe(recognise: Recogniser | None, request: Request,
               samples: np.ndarray) -> Recognised:
    """float32 samples at RATE -> words and cues; without a recogniser no words. Raises what the
    model raises.
    """
    began = time.monotonic()
    hear = recognise.final if request.final and isinstance(recognise, TwoPass) else recognise
    text = hear(samples) if hear else ''
    seconds = time.monotonic() - began
    measured = voice_cues.measure(samples)
    return Recognised(request, text.strip(), seconds, tuple(measured.cues.items()), measured.print)


def judge_end(judge: TurnEnd | None, request: Request, samples: np.ndarray) -> TurnEndJudged:
    """NaN without a model. Raises what the model raises."""
    return TurnEndJudged(request, judge(samples) if judge else math.nan)
