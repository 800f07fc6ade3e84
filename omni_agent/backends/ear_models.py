"""The models that listen: made by their names in parameters, and asked as the ears want it. Each
answer is for ``core/ears.py``.
"""

from __future__ import annotations

import math
import time

import numpy as np

from omni_agent.backends import (RATE, FinalHearer, NodHearer, Recogniser, SoundDescriber,
                                 SureHearer, TurnEnd, Vad, VoicePrint, load, voice_cues)
from omni_agent.core.cues import NOD, SURE
from omni_agent.core.ears import Recognise, Recognised, TurnEndJudged
from omni_agent.core.sense_vectors import Vector, unit
from omni_agent.core.utterance import PRE_ROLL, Request

# [samples] of the pre-roll that a nod needs not: there the echo of the robot's words is
BEFORE = PRE_ROLL - RATE // 10
LONGEST_NOD = round(1.2 * RATE)


def voices(name: str) -> tuple[Vad, Vad]:
    """One model for each stream: each has a memory."""
    return load.vad(name), load.vad(name)


def transcribe(recognise: Recogniser | None, wanted: Recognise,
               voice: VoicePrint | None = None) -> Recognised:
    """Words and cues; without a recogniser no words. ``voice`` is asked of final words, meanwhile;
    without it the print is of spectrum and pitch. Raises what the models raise.
    """
    request, samples = wanted.request, wanted.samples
    began = time.monotonic()
    asked = voice.begin(samples) if voice is not None and request.final else None
    hear = (recognise.final if request.final and isinstance(recognise, FinalHearer)
            else recognise)
    text = hear(samples).strip() if hear else ''
    sure = recognise.sure(samples) if isinstance(recognise, SureHearer) else None
    vector, nod = _vector(recognise, wanted), _nod(recognise, wanted, text)
    seconds = time.monotonic() - began
    measured = voice_cues.measure(samples)
    cues = (*measured.cues.items(),
            *((name, value) for name, value in ((NOD, nod), (SURE, sure)) if value is not None))
    own_print = measured.print if voice is None else asked.result() if asked is not None else ()
    return Recognised(request, text, seconds, cues, own_print, vector)


def _nod(recognise: Recogniser | None, wanted: Recognise, text: str) -> float | None:
    """Asked where it matters: of more than a word over the robot's voice, and no longer than a
    nod.
    """
    voiced = wanted.samples[BEFORE:]
    if (not wanted.over or len(text.split()) < 2 or voiced.size > LONGEST_NOD
            or not isinstance(recognise, NodHearer)):
        return None
    return recognise.nod(voiced)


def _vector(recognise: Recogniser | None, wanted: Recognise) -> Vector:
    """Of final words; the encoder has heard them already, so this costs next to nothing."""
    if not wanted.request.final or not isinstance(recognise, SoundDescriber):
        return ()
    row = recognise.describe(wanted.samples)
    return () if row is None else unit(row)


def judge_end(judge: TurnEnd | None, request: Request, samples: np.ndarray) -> TurnEndJudged:
    """NaN without a model. Raises what the model raises."""
    return TurnEndJudged(request, judge(samples) if judge else math.nan)
