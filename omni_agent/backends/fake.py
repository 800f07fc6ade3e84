"""Models without weights, for simulation and for machines without models: the same graph, with
known answers.

They are deterministic: the same input gives the same output, so a test may demand an exact result.
"""

from __future__ import annotations

import math
import time
from typing import Iterator, Mapping, Sequence

import numpy as np

from omni_agent.backends import RATE, Detection, Message, Speech
from omni_agent.core.errors import WireError

FRAME = 512                   # [samples] of a voice-activity frame, as Silero's
# level of a frame that is certainly speech, certainly none
SPEECH_DBFS, NOISE_DBFS = -35.0, -55.0
WORD = RATE // 4              # [samples] 0.25 s for a word of the tone voice
GAP = RATE // 20              # [samples] 50 ms between two words
TONE_HZ = 220.0               # of the shortest word; longer words are higher
TURN_PAUSE = RATE * 3 // 10   # [samples] of quiet after which a turn has ended


def dbfs(samples: np.ndarray) -> float:
    """RMS of float samples relative to full scale [dB]; silence is -120."""
    power = float(np.mean(np.square(samples))) if samples.size else 0.0
    return 10.0 * math.log10(max(power, 1e-12))


class LevelVad:
    """Voice activity by loudness: 0 at NOISE_DBFS, 1 at SPEECH_DBFS, a straight line between."""

    frame = FRAME

    def __call__(self, frame: np.ndarray) -> float:
        if frame.shape != (FRAME,) or not np.isfinite(frame).all():
            raise WireError(
                f'a voice activity frame is ({FRAME},) finite numbers, not {frame.shape}')
        share = (dbfs(frame) - NOISE_DBFS) / (SPEECH_DBFS - NOISE_DBFS)
        return min(1.0, max(0.0, share))

    def reset(self) -> None:
        """Nothing is remembered."""


class ScriptedRecogniser:
    """Hears ``words`` one after another, ``word_s`` seconds each: the longer the sound, the more
    of them.
    """

    def __init__(self, words: str = 'hello robot what can you see', word_s: float = 0.3) -> None:
        self._words, self._word_s = words.split(), word_s

    def __call__(self, samples: np.ndarray) -> str:
        if samples.ndim != 1 or not np.isfinite(samples).all():
            raise WireError('speech is one row of finite float samples')
        return ' '.join(self._words[:int(len(samples) / RATE / self._word_s)])


class QuietTurnEnd:
    """The turn is over when its last 0.3 s are quiet."""

    def __call__(self, samples: np.ndarray) -> float:
        return 0.95 if dbfs(samples[-TURN_PAUSE:]) < NOISE_DBFS else 0.05


class ScriptedLlm:
    """Answers ``replies`` by the last thing the user said (case does not matter), else the next of
    ``others`` in turn.

    ``token_s`` seconds pass before each word, as with a real model. ``margins`` are given by what
    stands in the last message; what is not listed has margin 0. ``answers`` are JSON texts by the
    last message, and whatever the schema wants; what is not listed is null.
    """

    def __init__(self, replies: Mapping[str, str] | None = None, token_s: float = 0.0,
                 others: Sequence[str] = ('I hear you. Tell me more.', ),
                 margins: Mapping[str, float] | None = None,
                 answers: Mapping[str, str] | None = None) -> None:
        self._answers = {key.lower(): answer for key, answer in (answers or {}).items()}
        self._replies = {key.lower(): reply for key, reply in (replies or {}).items()}
        self._others, self._turn = tuple(others), 0
        self._margins = dict(margins or {})
        self._token_s = token_s
        # the last message of every request, for tests and for logs
        self.asked: list[str] = []
        self.cancelled = 0                    # streams that were closed before their end

    def stream(self, messages: Sequence[Message], max_tokens: int = 96) -> Iterator[str]:
        self.asked.append(messages[-1].content)
        words = self._reply(messages[-1].content).split()[:max_tokens]
        done = False
        try:
            for at, word in enumerate(words):
                if self._token_s:
                    time.sleep(self._token_s)
                yield word if at == 0 else ' ' + word
            done = True
        finally:
            self.cancelled += not done

    def _reply(self, asked: str) -> str:
        if asked.strip().lower() in self._replies:
            return self._replies[asked.strip().lower()]
        self._turn += 1
        return self._others[(self._turn - 1) % len(self._others)]

    def answer(self, messages: Sequence[Message], schema: Mapping[str, object],
               max_tokens: int = 64) -> str:
        self.asked.append(messages[-1].content)
        return self._answers.get(messages[-1].content.strip().lower(), 'null')

    def margin(self, messages: Sequence[Message]) -> float:
        last = messages[-1].content
        return next((margin for part, margin in self._margins.items() if part in last), 0.0)

    def warm(self, messages: Sequence[Message]) -> None:
        """There is no cache."""


class EchoTts:
    """A tone for every word, WORD samples long, GAP samples apart, at -20 dBFS: its length is
    known in advance.
    """

    def stream(self, text: str) -> Iterator[Speech]:
        words = text.split()
        if not words:
            return
        pieces = [np.concatenate([tone(len(word)), np.zeros(GAP, np.int16)]) for word in words]
        offsets = tuple((at * (WORD + GAP), word) for at, word in enumerate(words))
        yield Speech(np.concatenate(pieces), offsets)


def tone(letters: int) -> np.ndarray:
    """int16 (WORD,): a sine without clicks, higher for a longer word."""
    t = np.arange(WORD) / RATE
    pitch = TONE_HZ * 2.0 ** (min(letters, 24) / 12.0)
    envelope = np.minimum(1.0, np.minimum(t, t[::-1]) / 0.01)
    sound = envelope * np.sin(2 * math.pi * pitch * t)
    return (0.1 * math.sqrt(2.0) * 32767 * sound).astype(np.int16)


class BrightDetector:
    """Sees a person wherever a picture is bright: the box of the pixels above half of full scale.
    """

    def __call__(self, image: np.ndarray) -> list[Detection]:
        if image.dtype != np.uint8 or image.ndim != 3 or 0 in image.shape:
            raise WireError(
                f'a picture is uint8 of shape (height, width, 3), not {image.dtype} {image.shape}')
        rows, columns = np.nonzero(image.max(axis=2) > 127)
        if not rows.size:
            return []
        edges = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        box = tuple(float(edge) for edge in edges)
        return [Detection('person', 0.9, box)]


def whole_sentence(words: str) -> float:
    """Every sentence is over."""
    return 1.0
