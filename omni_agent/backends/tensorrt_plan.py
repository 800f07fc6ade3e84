"""From an ONNX file to a TensorRT plan: the only place that knows TensorRT's builder.

One builder for TensorRT 10.3 to 11 and TensorRT-RTX: the network is always strongly typed, so the
precision is that of the ONNX file, and only calls are used that all of them have. Their API says
None or False where it fails, and the log says why; every answer is looked at.

Compiling with TensorRT-RTX runs in the tests, without a GPU. Full TensorRT compiles on a GPU only
and was never run by this project.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Sequence

from omni_agent.backends import onnx_file
from omni_agent.backends.engine_cuda import Gpu
from omni_agent.backends.engines import NotHere
from omni_agent.backends.plan_cache import Plan, PlanCache, PlanKey
from omni_agent.backends.tensorrt_callbacks import (LOG_LINES, Watch, new_log, new_monitor,
                                                    one_line)
from omni_agent.core.errors import BackendError, ConfigError

RTX = 'tensorrt_rtx'
INSTALL = {'tensorrt': 'on Jetson run "sudo apt install python3-libnvinfer", elsewhere '
                       '"pip install tensorrt"',
           RTX: 'run "pip install tensorrt-rtx"'}
# The wheel that holds the library can be there without the one that only gives it its short name.
ALSO = {RTX: 'tensorrt_rtx_bindings'}
OLDEST = (10, 3)                 # JetPack 6; before it, create_network knows other flags
RTX_OLDEST = (1, 0)
MEGA = 1 << 20


@dataclass(frozen=True)
class BuildOptions:
    """``targets``: compile for these kinds of GPU, as 'sm_89', instead of for the one here."""

    max_batch: int = 8           # where the network leaves the batch open
    workspace_mb: int = 1024
    level: int = 3               # TensorRT's own default: higher compiles longer for little
    targets: tuple[str, ...] = ()


def runtime_module(name: str) -> ModuleType:
    """'tensorrt' or 'tensorrt_rtx', with a builder. Raises NotHere, BackendError.

    Safe without a GPU for TensorRT-RTX. For full TensorRT the driver has to be probed before
    anything of the module is called: it ends the process otherwise.
    """
    try:
        module = importlib.import_module(installed(name))
    except (ImportError, OSError, RuntimeError) as error:
        raise BackendError(f'{title(name)} is installed but cannot be loaded ({error}): '
                           f'{INSTALL[name]} again') from error
    if not hasattr(module, 'Builder') or not hasattr(module, 'OnnxParser'):
        raise BackendError(f'this {title(name)} is a runtime without a builder (the lean or '
                           f'dispatch package): {INSTALL[name]}')
    oldest = RTX_OLDEST if name == RTX else OLDEST
    if version_of(module)[:2] < oldest:
        raise BackendError(f'{title(name)} {module.__version__} is too old, '
                           f'{".".join(map(str, oldest))} is the first that works: '
                           f'{INSTALL[name]}')
    return module


def installed(name: str) -> str:
    """Under which name the runtime can be imported, without importing it. Raises NotHere."""
    for one in (name, ALSO.get(name, name)):
        if importlib.util.find_spec(one):
            return one
    raise NotHere(f'{title(name)} is not installed: {INSTALL[name]}')


def title(name: str) -> str:
    return 'TensorRT-RTX' if name == RTX else 'TensorRT'


def version_of(module: ModuleType) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r'\d+', module.__version__))


def plan_key(trt: ModuleType, runtime: str, model: str, path: Path, gpu: Gpu | None,
             options: BuildOptions) -> PlanKey:
    """``gpu`` is None for a plan that is compiled ahead for ``options.targets``."""
    return PlanKey(
        model, onnx_file.digest(path), runtime, trt.__version__, gpu.name if gpu else '',
        '+'.join(options.targets) if options.targets else gpu.capability if gpu else '',
        gpu.driver if gpu else '', repr(options))


def cached_plan(runtime: str, model: str, path: Path, gpu: Gpu | None, cache: PlanCache,
                options: BuildOptions, watch: Watch = lambda phase, share: None) -> Plan:
    """The plan of ``path`` from the cache, where one that was compiled ahead for this kind of GPU
    will do as well, or compiled now. Raises NotHere, BackendError.
    """
    trt = runtime_module(runtime)
    if gpu is None and not options.targets:
        raise ConfigError('there is no GPU here to compile for: name a kind with --target, one of '
                          f'{", ".join(targets(trt)) or "none with " + title(runtime)}')
    plan = stored_plan(trt, runtime, model, path, gpu, cache, options)
    return plan or cache.plan(plan_key(trt, runtime, model, path, gpu, options),
                              lambda: build_plan(trt, path, options, watch),
                              lambda: watch('waiting for another process that compiles it', 0.0))


def stored_plan(trt: ModuleType, runtime: str, model: str, path: Path, gpu: Gpu | None,
                cache: PlanCache, options: BuildOptions = BuildOptions()) -> Plan | None:
    """What ``cached_plan`` would take from the cache."""
    own = cache.found(plan_key(trt, runtime, model, path, gpu, options))
    if own is not None or runtime != RTX or gpu is None or options.targets:
        return own
    ahead = replace(options, targets=(gpu.capability,))
    plan = cache.found(plan_key(trt, runtime, model, path, None, ahead))
    return plan and replace(plan, note=f'compiled ahead for {gpu.capability}, {plan.note}')


def targets(trt: ModuleType) -> list[str]:
    """Kinds of GPU that can be compiled for without having one."""
    names = getattr(getattr(trt, 'ComputeCapability', None), '__members__', {})
    return [f'sm_{name[2:]}' for name in sorted(names, key=lambda name: (len(name), name))
            if name.startswith('SM')]


def build_plan(trt: ModuleType, path: Path, options: BuildOptions = BuildOptions(),
               watch: Watch = lambda phase, share: None) -> bytes:
    """Raises BackendError with the last lines of the runtime's own log, ConfigError for a target
    that it does not know.
    """
    log = new_log(trt)
    try:
        builder = trt.Builder(log)
    except TypeError as error:       # pybind11: the library gave no builder
        raise BackendError(f'the builder does not start ({error}){log.tail()}: '
                           'check the NVIDIA driver with "nvidia-smi"') from error
    network = _network(trt, builder, log)
    parser = _read(trt, network, path, log)
    config = _made(builder.create_builder_config(), 'builder configuration', log)
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace_mb * MEGA)
    config.builder_optimization_level = options.level
    _aim(trt, config, options.targets)
    _open_batch(builder, network, config, options.max_batch, path, log)
    monitor = new_monitor(trt, watch)
    config.progress_monitor = monitor
    blob = builder.build_serialized_network(network, config)
    del parser                       # it owns the weights that the network refers to
    if monitor.error is not None:
        raise monitor.error
    if blob is None:
        raise BackendError(f'{path} cannot be compiled{log.tail()}: '
                           'use ort-cuda or ort-cpu for it')
    return bytes(blob)


def _network(trt: ModuleType, builder: object, log: object) -> object:
    flag = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED)
    return _made(builder.create_network(flag), 'network', log)


def _read(trt: ModuleType, network: object, path: Path, log: object) -> object:
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(path)):
        errors = [one_line(parser.get_error(index).desc()) for index in range(parser.num_errors)]
        raise BackendError(f'{path} is not understood ({"; ".join(errors[-LOG_LINES:])})'
                           ': use ort-cuda or ort-cpu for it')
    return parser


def _aim(trt: ModuleType, config: object, kinds: Sequence[str]) -> None:
    if not kinds:
        return
    known = targets(trt)
    for kind in kinds:
        if kind not in known:
            raise ConfigError(f'{kind!r} cannot be compiled for ahead of time: there are '
                              f'{", ".join(known) or "no such targets in full TensorRT"}')
    config.num_compute_capabilities = len(kinds)
    for index, kind in enumerate(kinds):
        value = getattr(trt.ComputeCapability, f'SM{kind[3:]}')
        if not config.set_compute_capability(value, index):
            raise BackendError(f'the builder refuses the target {kind}: name another one')


def _open_batch(builder: object, network: object, config: object, most: int, path: Path,
                log: object) -> None:
    """One profile from a batch of 1, which is the fast one, to ``most``."""
    tensors = [network.get_input(index) for index in range(network.num_inputs)]
    free = [tensor for tensor in tensors if -1 in tuple(tensor.shape)]
    if not free:
        return
    profile = _made(builder.create_optimization_profile(), 'optimisation profile', log)
    for tensor in free:
        batch, *rest = tuple(tensor.shape)
        if batch != -1 or -1 in rest:
            raise BackendError(f'input {tensor.name} of {path} is {tuple(tensor.shape)}: only the '
                               'first dimension, the batch, may be open; export it with fixed '
                               'others')
        profile.set_shape(tensor.name, (1, *rest), (1, *rest), (most, *rest))
    if config.add_optimization_profile(profile) < 0:
        raise BackendError(f'the builder refuses a batch of 1 to {most} for {path}{log.tail()}')


def _made(thing: object, what: str, log: object) -> object:
    if thing is None:
        raise BackendError(f'the builder gave no {what}{log.tail()}')
    return thing
