"""The only place that listens to a labelled utterance as perception does, faster than real time:
voice activity, where speech stops, its words, and what its sound tells.

What was recognised is kept by the recording's sha256, so that a second run costs little.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Iterator

import numpy as np

from omni_agent.backends import (RATE, Llm, Message, Recogniser, Vad, audio_files, load,
                                 voice_cues)
from omni_agent.backends.asr import MAX_SAMPLES, TwoPass
from omni_agent.core import prompts
from omni_agent.core.addressee_trial import DECIDE_S, Final
from omni_agent.core.endpoint import Endpointer, EndpointParams
from omni_agent.core.errors import ConfigError
from omni_agent.core.events import SpeechStarted, SpeechStopped
from omni_agent.core.hearing import Hearing
from omni_agent.core.utterance import PRE_ROLL, POST_ROLL

VERSION = '2'            # of what is kept
JUDGED = '2'             # of what is kept of the language model
DEFAULT = 'moonshine'    # recogniser of final words
# [samples] of speech without a pause: what is older is not recognised again
LONGEST = 25 * RATE
BLOCK = 320
PARTIAL = round(0.3 * RATE)     # between partial results of perception


@dataclass(frozen=True)
class _Piece:
    start: int                   # [samples] with pre-roll
    begin: int
    end: int
    voiced_s: float
    level_dbfs: float


class Listener:
    """``name``: of the recogniser, for what is kept. Not for two threads at a time."""

    def __init__(self, voice: Vad, recognise: Recogniser, name: str = DEFAULT) -> None:
        self._voice, self._recognise = voice, recognise
        self._kept = _cache() / 'heard'
        self._key = (VERSION + ('' if name == DEFAULT else f' {name}')).encode()

    def listen(self, path: Path) -> list[Final]:
        samples = audio_files.read(path)
        digest = hashlib.sha256(self._key + samples.tobytes()).hexdigest()
        kept = self._kept / f'{digest[:32]}.json'
        if kept.is_file():
            finals = [Final(**one) for one in json.loads(kept.read_text(encoding='utf-8'))]
        else:
            finals = [self._hear(samples, piece) for piece in self._pieces(samples)]
            self._kept.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps([asdict(one) for one in finals]), encoding='utf-8')
        return [self._measure(samples, one) for one in finals]

    def _hear(self, samples: np.ndarray, piece: _Piece) -> Final:
        heard = samples[piece.start:piece.end]
        if heard.size > MAX_SAMPLES:      # by the end of long speech its beginning is known
            self._recognise(heard[:-PARTIAL])
        began = time.thread_time()
        text = self._recognise(heard).strip()
        return Final(piece.begin / RATE, piece.end / RATE, piece.voiced_s, piece.level_dbfs, text,
                     time.thread_time() - began)

    def _measure(self, samples: np.ndarray, final: Final) -> Final:
        began = time.thread_time()
        end = round(final.end * RATE)
        start = max(0, round(final.begin * RATE) - PRE_ROLL, end - LONGEST)
        found = voice_cues.measure(samples[start:end])
        return replace(final, cues=tuple(found.cues.items()), print=found.print,
                       measured_s=time.thread_time() - began)

    def _pieces(self, samples: np.ndarray) -> Iterator[_Piece]:
        """Where somebody stopped for longer than a breath."""
        self._voice.reset()
        hearing = Hearing(self._voice, None, None, seconds=samples.size / RATE + 1)
        endpointer, levels, begin, stopped = Endpointer(EndpointParams()), [], 0, None
        pcm = audio_files.to_int16(samples)
        pcm = np.concatenate([pcm, np.zeros(RATE + BLOCK - pcm.size % BLOCK, np.int16)])
        for at in range(0, pcm.size, BLOCK):
            for frame in hearing.hear(at / RATE, at, pcm[at:at + BLOCK]):
                event = endpointer.step(frame.voice)
                if isinstance(event, SpeechStarted):
                    if stopped is None:
                        begin, levels = max(0, round(event.t * RATE)), []
                    stopped = None
                if endpointer.last_voiced == frame.voice.t:
                    levels.append(frame.level_dbfs)
                if isinstance(event, SpeechStopped):
                    stopped = round(event.t * RATE)
                if stopped is not None and frame.voice.t - stopped / RATE >= DECIDE_S:
                    yield self._piece(begin, stopped, endpointer.voiced_s, levels, samples.size)
                    endpointer.close()
                    stopped = None

    def _piece(self, begin: int, stopped: int, voiced_s: float, levels: list[float],
               size: int) -> _Piece:
        end = min(size, stopped + POST_ROLL)
        mean = 10 * np.log10(np.mean(10 ** (np.asarray(levels) / 10))) if levels else -96.0
        return _Piece(max(0, begin - PRE_ROLL, end - LONGEST), begin, end, voiced_s, float(mean))


def listener(name: str = DEFAULT) -> Listener:
    """With the voice activity of perception, and the recogniser of that name. Raises ConfigError,
    BackendError.
    """
    recognise = load.recogniser(name)
    if recognise is None:
        raise ConfigError('without words nobody knows who was meant: choose another recogniser')
    final = recognise.final if isinstance(recognise, TwoPass) else recognise
    return Listener(load.vad('silero'), final, name)


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
