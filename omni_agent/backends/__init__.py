"""Models and devices behind protocols of one verb each. Nothing here imports rclpy.

Audio is 16 kHz mono everywhere inside the package (``RATE``): float32 in [-1, 1] going into
models, int16 going to and coming from devices.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from typing import Callable, Iterator, Protocol, Sequence, runtime_checkable

import numpy as np

from omni_agent.core.faces import Box, Landmarks

RATE = 16_000        # [Hz]
BLOCK = 320          # [samples] 20 ms: one device block; 10 ms blocks overrun on PulseAudio


@dataclass(frozen=True)
class Block:
    """One device block: int16 mono samples of shape (n,) at RATE.

    ``position`` is the index of the first sample since the stream began; ``t`` its acquisition (or
    playback) time in Unix seconds.
    """

    position: int
    t: float
    samples: np.ndarray


@dataclass(frozen=True)
class Frame:
    """One camera picture: uint8 BGR of shape (height, width, 3), taken at Unix second ``t``."""

    t: float
    image: np.ndarray


@dataclass(frozen=True)
class Speech:
    """Synthesised int16 mono samples at RATE; ``words`` are (offset in samples, word) in order."""

    samples: np.ndarray
    words: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Message:
    """One chat message; role is 'system', 'user' or 'assistant'."""

    role: str
    content: str


@dataclass(frozen=True)
class Detection:
    """A box in pixels (x0, y0, x1, y1) with a class name and a score in [0, 1]."""

    label: str
    score: float
    box: tuple[float, float, float, float]


class Vad(Protocol):
    """Probability in [0, 1] that a frame of 512 float32 samples at RATE holds speech; has a
    memory.
    """

    def __call__(self, frame: np.ndarray) -> float: ...

    def reset(self) -> None: ...


class Recogniser(Protocol):
    """float32 samples of one utterance -> its words."""

    def __call__(self, samples: np.ndarray) -> str: ...


@runtime_checkable
class FinalHearer(Protocol):
    """A recogniser that takes more care with words that are over."""

    def __call__(self, samples: np.ndarray) -> str: ...

    def final(self, samples: np.ndarray) -> str: ...


@runtime_checkable
class NodHearer(Protocol):
    """A recogniser that can say of float32 samples how likely it is that a nod was said and
    nothing else: log probability [nat].
    """

    def nod(self, samples: np.ndarray) -> float: ...


@runtime_checkable
class SoundDescriber(Protocol):
    """A recogniser that gives of float32 samples what its encoder makes of them, as one row of
    numbers; None of silence.
    """

    def describe(self, samples: np.ndarray) -> np.ndarray | None: ...


@runtime_checkable
class SureHearer(Protocol):
    """A recogniser that says of the float32 samples in which it last found words how sure it is of
    them: mean log probability of their tokens [nat]; None where it does not know.
    """

    def sure(self, samples: np.ndarray) -> float | None: ...


class VoicePrint(Protocol):
    """float32 samples of one utterance -> the print of its voice as ``core/known_voices.py``
    compares them, () where too little was said; beside whatever the caller does meanwhile.
    """

    def begin(self, samples: np.ndarray) -> Future[tuple[float, ...]]: ...


class TurnEnd(Protocol):
    """float32 samples up to now (only the last 8 s count) -> probability that the speaker has
    finished.
    """

    def __call__(self, samples: np.ndarray) -> float: ...


@dataclass(frozen=True)
class Spent:
    """Tokens of one request: read anew, known from the request before, and written."""

    read: int
    kept: int
    written: int


class CountedText(str):
    """A piece of text, and what its request has cost so far."""

    spent: Spent

    @classmethod
    def of(cls, text: str, spent: Spent) -> CountedText:
        made = cls(text)
        made.spent = spent
        return made


class Llm(Protocol):
    """A chat model. ``stream`` yields pieces of text, as CountedText where it counts; closing the
    iterator cancels the request.
    """

    def stream(self, messages: Sequence[Message], max_tokens: int = 96) -> Iterator[str]: ...

    def margin(self, messages: Sequence[Message]) -> float:
        """log P('Yes') - log P('No') for the first token of the reply, from one pass over the
        prompt.
        """
        ...

    def warm(self, messages: Sequence[Message]) -> None:
        """Put the prompt into the cache, so that the next request that begins the same starts at
        once.
        """
        ...


class SentenceEnd(Protocol):
    """Words without final punctuation -> probability in [0, 1] that their sentence ends here."""

    def __call__(self, words: str) -> float: ...


class Tts(Protocol):
    """One sentence -> speech, in one or more pieces as they become ready."""

    def stream(self, text: str) -> Iterator[Speech]: ...


class Detector(Protocol):
    """uint8 BGR image of shape (h, w, 3) -> detections, best first."""

    def __call__(self, image: np.ndarray) -> list[Detection]: ...


class FaceFinder(Protocol):
    """uint8 BGR image of shape (h, w, 3) and boxes of persons in it -> landmarks of their faces,
    the surest first.
    """

    def __call__(self, image: np.ndarray, persons: Sequence[Box]) -> list[Landmarks]: ...


class Canceller(Protocol):
    """int16 blocks of shape (BLOCK,), heard and played at the same time -> what is left without
    the echo.
    """

    def __call__(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray: ...


class Suppressor(Protocol):
    """int16 blocks of shape (BLOCK,) -> the same with less steady noise."""

    def __call__(self, heard: np.ndarray) -> np.ndarray: ...


class Microphone(Protocol):
    """Calls ``on_block`` from its own thread for every BLOCK of sound until ``stop``."""

    def start(self, on_block: Callable[[Block], None]) -> None: ...

    def stop(self) -> None: ...


class Loudspeaker(Protocol):
    """Asks ``fill(out)`` for every BLOCK it is about to play: ``out`` is int16 of shape (BLOCK,)
    to be written.

    ``fill`` gets the time in Unix seconds at which the first sample will be heard.
    """

    def start(self, fill: Callable[[np.ndarray, float], None]) -> None: ...

    def abort(self) -> None:
        """Throw away what the device still holds, so that nothing older is heard; goes on
        playing.
        """
        ...

    def stop(self) -> None: ...


class Camera(Protocol):
    """Next picture, or raises DeviceError."""

    def read(self) -> Frame: ...

    def close(self) -> None: ...
