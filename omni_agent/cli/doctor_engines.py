"""Which engine runs the picture encoders, and what keeps the faster ones from it."""

from __future__ import annotations

from typing import Iterator

from omni_agent.backends import encoders, engines
from omni_agent.backends.engine_cuda import probe
from omni_agent.backends.engines import Attempt, Network, NoEngine, NotHere
from omni_agent.backends.plan_cache import PlanCache
from omni_agent.backends.tensorrt_plan import installed, runtime_module, stored_plan
from omni_agent.cli.doctor_probe import Wanted
from omni_agent.core.checkup import Finding, note, ok, split, wrong
from omni_agent.core.errors import BackendError, ConfigError

COMPILED = ('tensorrt', 'tensorrt_rtx')


def findings(wanted: Wanted) -> Iterator[Finding]:
    yield _gpu()
    candidates = engines.choices(wanted.parameter('perception', 'engine', 'auto'))
    # what is not here is so for every network: once is enough
    told: set[tuple[str, str]] = set()
    for name in encoders.USED:
        try:
            network = encoders.network(name)
        except BackendError as error:
            yield wrong(name, *split(str(error)))
            continue
        for one in _of(network, candidates):
            if (one.what, one.text) not in told:
                told.add((one.what, one.text))
                yield one


def _gpu() -> Finding:
    try:
        gpu = probe()
    except NotHere as error:
        return ok('GPU', f'none: {split(str(error))[0]}')
    except BackendError as error:
        return wrong('GPU', *split(str(error)))
    return ok(
        'GPU',
        f'{gpu.name} ({gpu.capability}), {gpu.memory_mb / 1000:.1f} GB, driver for CUDA '
        f'{gpu.driver}'
    )


def _of(network: Network, candidates: tuple[str, ...]) -> Iterator[Finding]:
    """Nothing is compiled here: that takes minutes, and is another command's business."""
    waiting = [name for name in candidates if name in COMPILED and _would_compile(name, network)]
    for name in waiting:
        yield note(network.name, f'{name} is here and would compile at the first start',
                   f'omni-agent models build {network.name}')
    try:
        opened = engines.open_engine(network, [name for name in candidates if name not in waiting])
    except ConfigError:
        yield note(network.name, 'no engine is ready before something is compiled',
                   'omni-agent models build')
        return
    except NoEngine as error:
        yield from map(_told(network), error.attempts)
        yield wrong(network.name, 'no engine runs it',
                    'mend what the lines above say, or set engine to auto')
        return
    yield from map(_told(network), opened.attempts)
    opened.engine.close()


def _would_compile(name: str, network: Network) -> bool:
    try:
        installed(name)
        gpu = probe()
        return stored_plan(runtime_module(name), name, network.name, network.file, gpu,
                           PlanCache()) is None
    except BackendError:
        return False                             # not here, or broken: the attempt says so in full


def _told(network: Network):  # noqa: ANN202 - Attempt -> Finding
    def told(attempt: Attempt) -> Finding:
        if attempt.ok:
            return ok(
                network.name,
                f'{attempt.name} runs it: {attempt.detail}, ready in {attempt.seconds:.2f} s')
        if attempt.absent:
            return ok(attempt.name, f'not here: {attempt.detail}')
        return wrong(network.name, f'{attempt.name} is here and was refused: {attempt.detail}',
                     'mend that, or leave it out of the parameter engine of perception')
    return told
