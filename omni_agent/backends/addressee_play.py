"""The only place that lets the ears listen to a labelled utterance faster than real time: its
words, and what its sound tells, whenever the robot would have had its turn.

What was recognised is kept by the recording's sha256, so that a second run costs little.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Callable, Iterator

import numpy as np

from omni_agent.backends import (RATE, FinalHearer, Llm, Message, Recogniser, SureHearer, Vad,
                                 audio_files, load, voice_cues)
from omni_agent.backends.asr import MAX_SAMPLES
from omni_agent.core import prompts
from omni_agent.core.addressee_trial import DECIDE_S, Final
from omni_agent.core.cues import SURE
from omni_agent.core.ears import Ears, PerceptionParams, Recognise, Recognised, TurnEndJudged
from omni_agent.core.endpoint import EndpointParams
from omni_agent.core.errors import ConfigError
from omni_agent.core.lips import LipsInTime
from omni_agent.core.percepts import Kind, Perceived
from omni_agent.core.utterance import PRE_ROLL

VERSION = '5'            # of what is kept
JUDGED = '2'             # of what is kept of the language model
DEFAULT = 'moonshine'    # recogniser of final words
VOICE_PRINT = 'ge2e'     # as perception's default
# [samples] of speech without a pause: what is older is not recognised again
LONGEST = 25 * RATE
BLOCK = 320
NAMES = PerceptionParams().name_list
PARTIAL = round(0.3 * RATE)     # between partial results of perception


class Listener:
    """``name``: of the recogniser, for what is kept; ``own_print``: samples -> whose voice that
    is, in place of that of the cues. Not for two threads at a time.
    """

    def __init__(self, voice: Vad, recognise: Recogniser, name: str = DEFAULT,
                 own_print: Callable[[np.ndarray], tuple[float, ...]] | None = None) -> None:
        self._voice, self._recogniser, self._own_print = voice, recognise, own_print
        self._recognise = (recognise.final if isinstance(recognise, FinalHearer) else recognise)
        self._kept = _cache() / 'heard'
        self._key = (VERSION + ('' if name == DEFAULT else f' {name}')).encode()

    def listen(self, path: Path) -> list[Final]:
        samples = audio_files.read(path)
        digest = hashlib.sha256(self._key + samples.tobytes()).hexdigest()
        kept = self._kept / f'{digest[:32]}.json'
        if kept.is_file():
            finals = [Final(**one) for one in json.loads(kept.read_text(encoding='utf-8'))]
        else:
            finals = list(self._hear(samples))
            self._kept.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps([asdict(one) for one in finals]), encoding='utf-8')
        return [self._measure(samples, one) for one in finals]

    def _hear(self, samples: np.ndarray) -> Iterator[Final]:
        """Where somebody stopped for longer than a breath. Only what is final then is recognised:
        partial results end no turn, and a shorter pause is none.
        """
        self._voice.reset()
        ears = Ears(PerceptionParams(), EndpointParams(), LipsInTime(), lambda: False,
                    lambda what: None)
        ears.hear_with(self._voice, None, None)
        pcm = audio_files.to_int16(samples)
        pcm = np.concatenate([pcm, np.zeros(RATE + BLOCK - pcm.size % BLOCK, np.int16)])
        wanted, stopped = None, math.inf
        for at in range(0, pcm.size, BLOCK):
            for effect in ears.audio(at / RATE, at, pcm[at:at + BLOCK]):
                if isinstance(effect, Recognise):
                    wanted = effect
                elif isinstance(effect, Perceived):
                    stopped = effect.t if effect.kind is Kind.SPEECH_STOPPED else math.inf
                elif not effect.is_speaking and effect.t - stopped >= DECIDE_S:
                    yield from self._final(ears, wanted, samples.size)
                    ears.interrupted(effect.t, False, False)
                    stopped = math.inf

    def _final(self, ears: Ears, wanted: Recognise, size: int) -> Iterator[Final]:
        """What the ears tell when they get the answers; of ``size`` samples."""
        heard = wanted.samples[:max(0, size - wanted.request.start)][-LONGEST:]
        if heard.size > MAX_SAMPLES:      # by the end of long speech its beginning is known
            self._recognise(heard[:-PARTIAL])
        began = time.thread_time()
        text = self._recognise(heard).strip()
        seconds = time.thread_time() - began
        sure = (self._recogniser.sure(heard) if isinstance(self._recogniser, SureHearer)
                else None)
        for one in (*ears.recognised(Recognised(wanted.request, text, seconds)),
                    *ears.turn_end_judged(TurnEndJudged(wanted.request, math.nan))):
            if isinstance(one, Perceived) and one.kind is Kind.FINAL:
                yield Final(one.start, min(one.t, size / RATE), one.voiced_s, one.level_dbfs,
                            text, seconds, () if sure is None else ((SURE, sure),))

    def _measure(self, samples: np.ndarray, final: Final) -> Final:
        began = time.thread_time()
        end = round(final.end * RATE)
        start = max(0, round(final.begin * RATE) - PRE_ROLL, end - LONGEST)
        found = voice_cues.measure(samples[start:end])
        own_print = (found.print if self._own_print is None
                     else self._own_print(samples[start:end]))
        return replace(final, cues=(*map(tuple, final.cues), *found.cues.items()), print=own_print,
                       measured_s=time.thread_time() - began)


def listener(name: str = DEFAULT) -> Listener:
    """With the voice activity and the voices of perception, and the recogniser of that name.
    Raises ConfigError, BackendError.
    """
    recognise = load.recogniser(name, names=NAMES)
    if recognise is None:
        raise ConfigError('without words nobody knows who was meant: choose another recogniser')
    return Listener(load.vad('silero'), recognise, name, load.voice_print(VOICE_PRINT))


class Judge:
    """The language model's opinion about a text [log odds], and how long that took on its one
    thread [s of processor time, as that of the other parts].
    """

    def __init__(self, model: str) -> None:
        self._name = model
        self._model: Llm | None = None
        self._file = _cache() / 'margins.json'
        self._known: dict[str, tuple[float, float]] = {}
        if self._file.is_file():
            self._known = json.loads(self._file.read_text(encoding='utf-8'))

    def __call__(self, text: str) -> tuple[float, float]:
        asked = prompts.judge(text)
        key = hashlib.sha256(f'{JUDGED} {self._name} {asked}'.encode()).hexdigest()[:24]
        if key not in self._known:
            messages = [Message(role, words) for role, words in asked]
            if self._model is None:
                self._model = load.llm(self._name)
                self._model.warm([Message(role, words) for role, words in prompts.judge('Hello.')])
            began = time.process_time()
            margin = self._model.margin(messages)
            self._known[key] = margin, time.process_time() - began
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self._known), encoding='utf-8')
        margin, seconds = self._known[key]
        return margin, seconds


def _cache() -> Path:
    return Path(
        os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache', 'omni_agent', 'addressee')
