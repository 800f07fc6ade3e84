"""How fast every encoder is on every engine of this machine: one row each, in its own process.

A process of its own makes memory and start-up honest: nothing is loaded before, and nothing that
an earlier engine took counts for a later one. Engines that this machine cannot have are named
with their reason; no figure is made up for them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Sequence

from omni_agent.backends import encoders
from omni_agent.backends.encoder_precisions import CHOICES as PRECISIONS
from omni_agent.backends.encoder_precisions import SHIPPED
from omni_agent.backends.engine_cuda import Gpu, probe
from omni_agent.backends.engines import ORDER, NotHere, choices
from omni_agent.cli.bench import Result
from omni_agent.cli.steps import Steps
from omni_agent.cli.usage import NO_METER
from omni_agent.core.errors import BackendError

NEEDS_ROS = False
TORCH = 'torch-eager'       # measured on a GPU, never used by a node
ROW_TIMEOUT_S = 1800        # a plan may have to be compiled first
LOG_COLUMNS = 120
SECONDS = 5.0               # of measuring for each row
TARGETS = {'cosine_least': ('>=', 0.99)}
# Multiply-adds that one processor starts in a clock, dense, in the fastest kind that computes a
# float32 network (TF32 tensor cores where they are faster), from NVIDIA's data sheets.
PER_CLOCK = {'sm_75': 64, 'sm_80': 512, 'sm_86': 128, 'sm_89': 128, 'sm_90': 1024, 'sm_120': 128}
COLUMNS = (('encoder', ''), ('engine', ''), ('p50_ms', '.2f'), ('p99_ms', '.2f'),
           ('throughput', '.0f'), ('start_s', '.2f'), ('memory_mb', '.0f'), ('cores', '.2f'),
           ('compression', '.2f'), ('cosine', '.5f'), ('roofline_ms', '.3f'))
# the six metrics of EfficientLLM, for each precision
SIX = (('encoder', ''), ('engine', ''), ('precision', ''), ('memory_mean_mb', '.0f'),
       ('cores_peak', '.2f'), ('mean_ms', '.2f'), ('throughput', '.0f'), ('energy_mj', '.1f'),
       ('compression', '.2f'), ('cosine', '.5f'))


@dataclass(frozen=True)
class Refused:
    encoder: str
    engine: str
    reason: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--encoder', action='append', default=[], choices=list(encoders.ENCODERS), help=
        f'may be given several times (default: {", ".join(encoders.USED)}, and optional ones that '
        'are here)'
    )
    parser.add_argument('--engines', default='auto',
                        help=f'with commas between: {", ".join(ORDER)} (default: all)')
    parser.add_argument('--seconds', type=float, default=SECONDS,
                        help='of measuring for each row (default: %(default)g)')
    parser.add_argument(
        '--precisions', action='store_true',
        help='also with float32 weights and in int8 (needs onnx), by the six metrics of '
        'EfficientLLM: mean memory, peak processor, mean latency, throughput, energy, compression')
    parser.add_argument('--threads', type=int, default=1, help='on the CPU (default: %(default)s)')


def measure(arguments: argparse.Namespace) -> Result:
    """Raises BackendError when a process ends without an answer."""
    gpu, why_not = _gpu()
    engines = [*choices(arguments.engines), *([TORCH] if gpu else [])]
    kinds = PRECISIONS if arguments.precisions else PRECISIONS[:1]
    pairs = [(encoder, engine, kind) for encoder in arguments.encoder or encoders.here()
             for engine in engines for kind in kinds]
    rows: list[dict[str, object]] = []
    refused: list[Refused] = []
    with Steps('encoders', len(pairs)) as bar:
        for encoder, engine, kind in pairs:
            bar.show(f'{encoder} on {engine}, {kind}')
            answer = row(encoder, engine, arguments.seconds, arguments.threads, kind)
            if 'refused' in answer:
                name = encoder if kind == SHIPPED else f'{encoder} {kind}'
                refused.append(Refused(name, engine, str(answer['refused'])))
            else:
                bound = roofline_ms(encoders.ENCODERS[encoder], gpu) if gpu else None
                on_gpu = engine != 'ort-cpu' and bound is not None
                rows.append({**answer, **({'roofline_ms': bound} if on_gpu else {})})
            bar.done()
    show(rows, SIX if arguments.precisions else COLUMNS)
    no_meter = (NO_METER,) if rows and not any('energy_mj' in one for one in rows) else ()
    return Result('encoders', figures(rows), TARGETS if rows else {},
                  (*notes(refused, gpu, why_not), *no_meter),
                  {'gpu': _described(gpu) if gpu else why_not, 'rows': rows,
                   'refused': [vars(one) for one in refused]})


def row(encoder: str, engine: str, seconds: float, threads: int,
        precision: str = SHIPPED) -> dict[str, object]:
    """Measured in a process of its own: the row's keys, or 'refused' with the reason."""
    command = [sys.executable, '-m', 'omni_agent.cli.encoder_row', encoder, engine,
               f'{seconds:g}', str(threads), precision]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ROW_TIMEOUT_S,
                              check=False)
    except subprocess.TimeoutExpired:
        return {'refused': f'no answer in {ROW_TIMEOUT_S} s: compile its plan first with '
                           f'"omni-agent models build --engine {engine}"'}
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        # a crash of a driver is a result too, and the other rows are still wanted
        last = (done.stderr.strip().splitlines() or ['it said nothing'])[-1]
        return {'refused': f'its process ended with code {done.returncode}: {last}'}
    try:
        return json.loads(lines[-1])
    except ValueError as error:
        raise BackendError(f'{encoder} on {engine} gave no figures: {lines[-1]}') from error


def figures(every: list[dict[str, object]]) -> dict[str, float | None]:
    """The fastest engine's p50 of each encoder, and the worst cosine of all rows; as shipped."""
    rows = [one for one in every if one.get('precision', SHIPPED) == SHIPPED]
    found: dict[str, float | None] = {}
    for encoder in dict.fromkeys(str(one['encoder']) for one in rows):
        found[f'{encoder}_p50_ms'] = min(float(one['p50_ms']) for one in rows
                                         if one['encoder'] == encoder)
    if rows:
        found['cosine_least'] = min(float(one['cosine']) for one in rows)
    return {**found, 'rows': float(len(every))}


def roofline_ms(encoder: encoders.Encoder, gpu: Gpu) -> float | None:
    """The least time that arithmetic and reading the weights once allow; None where the GPU hides
    its clocks or its kind is not listed.
    """
    per_clock = PER_CLOCK.get(gpu.capability)
    bytes_per_s = 2 * gpu.memory_clock_khz * 1e3 * gpu.bus_bits / 8       # two edges of a clock
    flops = 2 * (per_clock or 0) * gpu.processors * gpu.clock_khz * 1e3
    if not flops or not bytes_per_s:
        return None
    return 1e3 * max(encoder.gflop * 1e9 / flops, encoder.weights_mb * 1e6 / bytes_per_s)


def notes(refused: list[Refused], gpu: Gpu | None, why_not: str) -> tuple[str, ...]:
    """Who was not measured and why, each reason once."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in refused:
        reasons.setdefault((one.engine, one.reason), []).append(one.encoder)
    lines = [f'not measured: {engine} ({", ".join(names)}): {reason}'
             for (engine, reason), names in reasons.items()]
    return (f'GPU: {_described(gpu)}' if gpu else f'no GPU: {why_not}', *lines)


def show(rows: list[dict[str, object]],
         wanted: Sequence[tuple[str, str]] = COLUMNS) -> None:
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table

    columns = [(key, form) for key, form in wanted if any(key in one for one in rows)]
    table = Table()
    for key, form in columns:
        table.add_column(key, justify='right' if form else 'left', no_wrap=True)
    for one in rows:
        table.add_row(*(format(one[key], form) if key in one else '' for key, form in columns))
    # a log has no width of its own, and a figure must not lose its digits
    Console(width=None if sys.stdout.isatty() else LOG_COLUMNS).print(table)


def _gpu() -> tuple[Gpu | None, str]:
    try:
        return probe(), ''
    except NotHere as error:
        return None, str(error)


def _described(gpu: Gpu) -> str:
    return f'{gpu.name} ({gpu.capability}), {gpu.memory_mb / 1e3:.0f} GB, driver {gpu.driver}'
