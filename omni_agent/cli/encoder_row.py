"""One row of ``bench encoders``, in a process of its own; prints it as one line of JSON."""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil

from omni_agent.backends import encoder_precisions, encoders, engine_reference
from omni_agent.backends.encoder_precisions import SHIPPED
from omni_agent.backends.engine_reference import Reference
from omni_agent.backends.engines import (CPU, Candidate, Engine, Network, NoEngine, NotHere,
                                         first_right, open_engine)
from omni_agent.cli.bench_encoders import TORCH
from omni_agent.cli.usage import Meter
from omni_agent.core.errors import BackendError

LEAST_RUNS = 30          # however slow; p99 of fewer says nothing


def main(encoder: str, engine: str, seconds: float, threads: int,
         precision: str = SHIPPED) -> dict[str, object]:
    """Raises ConfigError, BackendError for the network; an engine's refusal is an answer."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = _made(encoder, precision, Path(folder))
        except BackendError as error:
            if precision == SHIPPED:
                raise
            return {'refused': str(error)}
        # how far another precision is off is told, and is no reason to refuse it
        true = None if precision == SHIPPED else encoders.network(encoder).reference
        return _row(_judged(made), engine, seconds, threads, precision, true)


def _made(encoder: str, precision: str, folder: Path) -> Network:
    """In a process of its own: what making it takes is no part of what running it takes."""
    if precision == SHIPPED:
        return encoders.network(encoder)
    with ProcessPoolExecutor(1, multiprocessing.get_context('spawn')) as pool:
        return pool.submit(encoder_precisions.network, encoder, precision, folder).result()


def _row(network: Network, engine: str, seconds: float, threads: int, precision: str,
         true: Reference | None) -> dict[str, object]:
    encoder = network.name
    before, on_gpu = psutil.Process().memory_info().rss, _gpu_mb(engine)
    began = time.perf_counter()
    try:
        opened = (first_right(network, [_torch(network)]) if engine == TORCH
                  else open_engine(network, (engine,), strict=True, threads=threads))
    except NoEngine as error:
        return {'refused': error.attempts[-1].detail}
    start_s = time.perf_counter() - began
    computed, began = time.process_time(), time.perf_counter()
    with Meter(before) as meter:
        times = timed(opened.engine, network, seconds)
    cores = (time.process_time() - computed) / (time.perf_counter() - began)
    used = meter.usage
    grown = psutil.Process().memory_info().rss - before
    row = {'encoder': encoder, 'engine': engine, 'precision': precision,
           'mean_ms': 1e3 * float(np.mean(times)), 'p50_ms': 1e3 * float(np.percentile(times, 50)),
           'p99_ms': 1e3 * float(np.percentile(times, 99)),
           'throughput': len(times) / float(np.sum(times)), 'start_s': start_s,
           'memory_mb': grown / 1e6, 'memory_mean_mb': used.memory_mb,
           'cores': cores, 'cores_peak': used.cores_peak,
           'compression': (encoders.ENCODERS[encoder].weights_mb * 1e6
                           / network.file.stat().st_size),
           'cosine': _cosine(opened.engine, network) if true is None else _off(
               opened.engine, network, true),
           'runs': len(times), 'threads': threads, 'detail': opened.attempts[-1].detail}
    if used.energy_j is not None:
        row['energy_mj'] = 1e3 * used.energy_j / len(times)
    if on_gpu is not None:
        row['gpu_memory_mb'] = (_gpu_mb(engine) or 0.0) - on_gpu
    opened.engine.close()
    return row


def _judged(network: Network) -> Network:
    """What comes without a reference is measured against the CPU."""
    if network.reference is not None:
        return network
    opened = open_engine(network, CPU)
    expected = engine_reference.taken(opened.engine.infer(network.feeds)).expected
    opened.engine.close()
    return replace(network, reference=engine_reference.Reference(0, expected, network.feeds))


def timed(engine: Engine, network: Network, seconds: float) -> list[float]:
    """Seconds of each run, one picture at a time."""
    feeds = network.reference.feeds(engine.inputs)
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < LEAST_RUNS or time.perf_counter() < end:
        began = time.perf_counter()
        engine.infer(feeds)
        times.append(time.perf_counter() - began)
    return times


def _cosine(engine: Engine, network: Network) -> float:
    """After all those runs: an engine that drifts is noticed."""
    return network.reference.judge(engine.infer(network.reference.feeds(engine.inputs)),
                                   network.name)


def _off(engine: Engine, network: Network, true: Reference) -> float:
    """Cosine to the stored float32 reference, however far it is; the worst output's."""
    found = engine.infer(network.reference.feeds(engine.inputs))
    return min(engine_reference.cosine(engine_reference.points(found[name]), expected)
               for name, expected in true.expected.items())


def _torch(network: Network) -> Candidate:
    def make() -> Engine:
        from omni_agent.backends.engine_torch import TorchEngine
        return TorchEngine(network.file)

    return TORCH, make


def _gpu_mb(engine: str) -> float | None:
    """Taken on the whole GPU by everybody; None on the CPU or without a GPU."""
    if engine == 'ort-cpu':
        return None
    from omni_agent.backends.engine_cuda import Cuda
    try:
        cuda = Cuda()
    except NotHere:
        return None
    used = cuda.used_mb()
    cuda.close()
    return used


if __name__ == '__main__':
    print(json.dumps(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4]),
                          *sys.argv[5:])))
