"""``omni-agent models build``: compiles the encoders' plans before the robot needs them."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import sys
import time
from typing import Iterator

from omni_agent.backends import encoders
from omni_agent.backends.engine_cuda import Gpu, probe
from omni_agent.backends.engines import NotHere
from omni_agent.backends.plan_cache import PlanCache
from omni_agent.backends.tensorrt_callbacks import Watch
from omni_agent.backends.tensorrt_plan import (RTX, BuildOptions, cached_plan, installed,
                                               runtime_module)
from omni_agent.core.errors import BackendError

ENGINES = ('tensorrt', RTX)     # in the order in which the agent tries them
PLAIN_EVERY_S = 5.0      # a log wants a line now and then, not a bar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('names', nargs='*', metavar='MODEL',
                        help=f'default: {" ".join(encoders.USED)}')
    parser.add_argument('--engine', choices=ENGINES,
                        help=f'default: the first of them that is installed; {RTX} with --target')
    parser.add_argument('--target', action='append', default=[], metavar='sm_XX',
                        help='compile for this kind of GPU instead of for the one here (TensorRT-'
                             'RTX, may be given several times); needs no GPU, and a start on such '
                             'a GPU with these files takes it')
    parser.epilog = ('Plans are native code for one version and one GPU: they are kept in '
                     f'{PlanCache().root} and loaded only on the machine that compiled them.')


def run(args: argparse.Namespace) -> int:
    """1 where a plan could not be kept, which is all that this is for. Raises ConfigError,
    BackendError.
    """
    networks = [encoders.network(name) for name in args.names or encoders.USED]
    engine = args.engine or _engine(bool(args.target))
    gpu = _gpu(engine, bool(args.target))
    trt = runtime_module(engine)
    cache, lost = PlanCache(), 0
    for network, target in itertools.product(networks, args.target or ['']):
        options = BuildOptions(targets=(target,) if target else ())
        with _progress(network.name) as watch:
            plan = cached_plan(engine, network.name, network.file, gpu, cache, options, watch)
        lost += plan.path is None
        kind = target or f'{gpu.name} ({gpu.capability})'
        print(f'{network.name}  {engine} {trt.__version__}  {kind}  '
              f'{len(plan.content) / 1e6:.1f} MB  {plan.build_s:.1f} s  {plan.note}  '
              f'{plan.path or ""}'.rstrip(), flush=True)
    return 1 if lost else 0


def _engine(ahead: bool) -> str:
    """Only TensorRT-RTX compiles for a GPU that is not here."""
    here = [name for name in ENGINES if not ahead and _is_installed(name)]
    return here[0] if here else RTX


def _is_installed(name: str) -> bool:
    try:
        return bool(installed(name))
    except NotHere:
        return False


def _gpu(engine: str, ahead: bool) -> Gpu | None:
    """None for a plan that is compiled ahead for another GPU."""
    if ahead and engine == RTX:
        return None
    try:
        return probe()
    except NotHere as error:
        if engine == RTX:
            return None                  # then a target has to be named, and that is said
        raise BackendError(f'full TensorRT compiles only on the GPU that it is for: {error}; '
                           f'"--engine {RTX} --target sm_89" needs none') from error


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Watch]:
    if sys.stdout.isatty():
        try:
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        except ImportError:
            pass                         # a bar is a comfort: without rich the plain lines do
        else:
            columns = (TextColumn(name), BarColumn(24), TaskProgressColumn(),
                       TextColumn('[dim]{task.description}'))
            with Progress(*columns, transient=True) as bars:
                task = bars.add_task('reading', total=1.0)
                yield lambda phase, share: bars.update(task, completed=share, description=phase)
            return
    yield _Plain(name)


class _Plain:
    """A line when the compiling begins and every few seconds."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said = -PLAIN_EVERY_S

    def __call__(self, phase: str, share: float) -> None:
        if time.monotonic() - self._said >= PLAIN_EVERY_S:
            self._said = time.monotonic()
            print(f'{self._name}: {100 * share:.0f} %, {phase}', flush=True)
