"""Networks on whatever can run them: the only place that chooses between TensorRT, ONNX Runtime on
CUDA, and the CPU.

Candidates are tried in order. Each has to load, to run twice, to give finite numbers and to agree
with what the network gave in float32 when it was added to the package; a faster engine that is
wrong is no engine. Every refusal is kept, word for word, for diagnostics.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Mapping, Protocol, Sequence

import numpy as np

from omni_agent.backends.engine_reference import Reference, seeded_feeds
from omni_agent.backends.plan_cache import PlanCache
from omni_agent.core.errors import BackendError, ConfigError

ORDER = ('tensorrt', 'tensorrt_rtx', 'ort-cuda', 'ort-cpu')
CPU = ('ort-cpu',)
RUNS = 2      # before an engine counts as warm: the first plans memory, the second is timed


class NotHere(BackendError):
    """This machine has no such engine, and nobody promised that it had: no GPU, no library."""


@dataclass(frozen=True)
class TensorSpec:
    """An input or output; -1 in ``shape`` is any number (the batch)."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype


class Engine(Protocol):
    """A loaded network. One thread at a time; ``detail`` says in a few words how it runs."""

    name: str
    detail: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def infer(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Arrays by input name -> arrays by output name, the caller's to keep. Raises
        BackendError.
        """
        ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Attempt:
    """What became of one candidate. ``absent``: it cannot be had here, which is no fault."""

    name: str
    ok: bool
    detail: str
    seconds: float
    absent: bool = False


@dataclass(frozen=True)
class Network:
    """An ONNX file (or its content, which only ONNX Runtime reads) with what it must give.
    ``feeds``: what to try it with where there is no reference, and its inputs take more than any
    numbers of the shape that they declare.
    """

    name: str
    file: Path | bytes
    reference: Reference | None = None
    feeds: Mapping[str, np.ndarray] | None = None


@dataclass(frozen=True)
class Opened:
    """The engine that runs, and what was tried before it."""

    engine: Engine
    attempts: tuple[Attempt, ...]


class NoEngine(BackendError):
    """Nothing could run the network; ``attempts`` says why, one by one."""

    def __init__(self, message: str, attempts: tuple[Attempt, ...]) -> None:
        super().__init__(message)
        self.attempts = attempts


Candidate = tuple[str, Callable[[], Engine]]
Watch = Callable[[str, float], None]      # what is being compiled, and the share done in [0, 1]


def open_engine(network: Network, candidates: Sequence[str] = ORDER, *, strict: bool = False,
                threads: int = 1, cache: PlanCache | None = None,
                watch: Watch = lambda phase, share: None) -> Opened:
    """The first of ``candidates`` that runs ``network`` and runs it right.

    ``strict``: the first candidate or none. ``watch`` hears how far one is that has to be
    compiled. Raises NoEngine (a BackendError) with every attempt, ConfigError for a name that is
    no engine.
    """
    made = [(name, _maker(name, network, threads, cache, watch)) for name in candidates]
    return first_right(network, made, strict)


def first_right(network: Network, candidates: Sequence[Candidate],
                strict: bool = False) -> Opened:
    """As ``open_engine``, with the engines made by the caller."""
    if not candidates:
        raise ConfigError(f'no engine is named for {network.name}: choose {", ".join(ORDER)}')
    attempts: list[Attempt] = []
    for name, make in candidates[:1] if strict else candidates:
        engine, attempt = _try(name, make, network)
        attempts.append(attempt)
        if engine is not None:
            return Opened(engine, tuple(attempts))
    why = '; '.join(f'{attempt.name}: {attempt.detail}' for attempt in attempts)
    rule = ' and no other may be tried (strict)' if strict else ''
    raise NoEngine(f'no engine runs {network.name}{rule}: {why}', tuple(attempts))


def diagnosis(attempts: Sequence[Attempt]) -> tuple[str, dict[str, str]]:
    """For a diagnostics message: what is wrong ('' when nothing is) and its key-value pairs.

    An engine that this machine cannot have is no warning; one that it has and that failed is.
    """
    values = {f'engine {attempt.name}': f'{"runs" if attempt.ok else "refused"}: {attempt.detail} '
                                        f'({attempt.seconds:.2f} s)' for attempt in attempts}
    failed = [one for one in attempts if not one.ok and not one.absent]
    wrong = '; '.join(f'{one.name} failed: {one.detail}' for one in failed)
    return wrong, values


def choices(words: str) -> tuple[str, ...]:
    """A parameter's value -> candidates: 'auto', one engine, or several with commas between.

    Raises ConfigError.
    """
    if words == 'auto':
        return ORDER
    names = tuple(word.strip() for word in words.split(','))
    for name in names:
        if name not in ORDER:
            raise ConfigError(f'there is no engine called {name!r}: choose auto or, with commas '
                              f'between, {", ".join(ORDER)}')
    return names


def _try(name: str, make: Callable[[], Engine],
         network: Network) -> tuple[Engine | None, Attempt]:
    began = time.monotonic()
    engine = None
    try:
        engine = make()
        detail = f'{engine.detail}, {prove(engine, network)}'
    except NotHere as error:
        return None, Attempt(name, False, str(error), time.monotonic() - began, absent=True)
    # An engine is somebody else's library: whatever it raises is kept, and the next one is tried.
    except Exception as error:
        if engine is not None:
            engine.close()
        kind = '' if isinstance(error, BackendError) else f'{type(error).__name__}: '
        return None, Attempt(name, False, f'{kind}{error}', time.monotonic() - began)
    return engine, Attempt(name, True, detail, time.monotonic() - began)


def prove(engine: Engine, network: Network) -> str:
    """Run it until it is warm and judge the last outputs, in a few words. Raises BackendError."""
    feeds = (network.reference.feeds(engine.inputs) if network.reference
             else network.feeds or seeded_feeds(engine.inputs))
    for _ in range(RUNS):
        outputs = engine.infer(feeds)
    for name, values in outputs.items():
        if not np.isfinite(values).all():
            raise BackendError(f'output {name} of {network.name} is not finite on {engine.name}: '
                               'its precision is too low for this network, use another engine')
    if network.reference is None:
        return 'finite, no reference to compare with'
    return f'cosine {network.reference.judge(outputs, f"{network.name} on {engine.name}"):.5f}'


def _maker(name: str, network: Network, threads: int, cache: PlanCache | None,
           watch: Watch) -> Callable[[], Engine]:
    def cpu() -> Engine:
        from omni_agent.backends.engine_ort import OrtEngine
        return OrtEngine(network.file, threads)

    def cuda() -> Engine:
        from omni_agent.backends.engine_ort import OrtEngine
        return OrtEngine(network.file, threads, cuda=True)

    def tensorrt() -> Engine:
        from omni_agent.backends.engine_tensorrt import TensorRtEngine
        if isinstance(network.file, bytes):
            raise NotHere('a network in memory has no plan: save it to a file first')
        return TensorRtEngine(
            network.name, network.file, name, cache or PlanCache(),
            watch=lambda phase, share: watch(f'{network.name} for {name}, {phase}', share))

    made = {'tensorrt': tensorrt, 'tensorrt_rtx': tensorrt, 'ort-cuda': cuda, 'ort-cpu': cpu}
    if name not in made:
        raise ConfigError(f'there is no engine called {name!r}: choose {", ".join(made)}')
    return made[name]
