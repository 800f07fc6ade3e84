"""A plan on the GPU: the only place that knows TensorRT's runtime, full or RTX.

Inputs are copied into pinned memory, uploaded, computed and downloaded on one stream. Full
TensorRT has all of that recorded as one CUDA graph, the second time that a shape comes; changing
the shape makes a recording invalid (TensorRT: the state of the context is part of it), so there
is one recording at a time. TensorRT-RTX records by itself when it is told to.

Never run on a GPU by this project, as engine_cuda.
"""

from __future__ import annotations

import threading
from pathlib import Path
from types import ModuleType
from typing import Mapping

import numpy as np

from omni_agent.backends.engine_cuda import LIBRARY, Cuda, Pinned
from omni_agent.backends.engines import TensorSpec
from omni_agent.backends.plan_cache import Plan, PlanCache
from omni_agent.backends.tensorrt_callbacks import Watch, new_log
from omni_agent.backends.tensorrt_plan import (INSTALL, RTX, BuildOptions, cached_plan, installed,
                                               plan_key, runtime_module, title)
from omni_agent.core.errors import BackendError

KERNELS = 'kernels'      # what TensorRT-RTX compiled at the first run, kept beside the plan

Shapes = dict[str, tuple[int, ...]]


class TensorRtEngine:
    """``runtime``: 'tensorrt' or 'tensorrt_rtx'. Raises NotHere, BackendError."""

    def __init__(self, model: str, path: Path, runtime: str, cache: PlanCache,
                 options: BuildOptions = BuildOptions(), driver: str = LIBRARY,
                 watch: Watch = lambda phase, share: None) -> None:
        self.name, self._watch = runtime, watch
        installed(runtime)                     # no more than that: it is imported later
        self._cuda = Cuda(driver)              # before TensorRT: without a driver it crashes
        self._buffers: dict[str, Pinned] = {}
        self._lock = threading.Lock()
        try:
            self._trt = runtime_module(runtime)
            self._log = new_log(self._trt)
            self._cache = cache
            self._key = plan_key(self._trt, runtime, model, path, self._cuda.gpu, options)
            plan = self._load(model, path, options)
            self.inputs, self.outputs = _specs(self._trt, self._engine)
            self._most = self._largest()
            self._context = self._new_context()
            self._allocate()
        except BaseException:
            self.close()
            raise
        self._last: Shapes = {}
        self._recorded: Shapes = {}
        self._records = runtime != RTX         # RTX does it inside
        self.detail = (f'{title(runtime)} {self._trt.__version__} on {self._cuda.gpu.name} '
                       f'({self._cuda.gpu.capability}), plan {plan.note}, {plan.build_s:.1f} s')

    def infer(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with self._lock:
            self._cuda.use()
            given = self._checked(feeds)
            shapes = {name: values.shape for name, values in given.items()}
            changed = shapes != self._last
            if changed:
                self._reshape(shapes)
            for name, values in given.items():
                self._buffers[name].view(values.shape, values.dtype)[...] = values
            self._compute(shapes, changed)
            self._cuda.wait()
            return {spec.name: self._buffers[spec.name].view(self._shape(spec.name),
                                                             spec.dtype).copy()
                    for spec in self.outputs}

    def close(self) -> None:
        """Once; in the order in which the GPU lets go."""
        self._cuda.use()
        self._keep_kernels()
        # the context refers to the engine and both to the stream's memory
        self._context = self._engine = self._runtime = None
        for buffer in self._buffers.values():
            buffer.free()
        self._buffers = {}
        self._cuda.close()

    # -- loading ----------------------------------------------------------------------------------

    _context: object = None
    _engine: object = None
    _runtime: object = None
    _kernels: object = None

    def _load(self, model: str, path: Path, options: BuildOptions) -> Plan:
        """A stored plan that the runtime does not take is compiled anew."""
        plan = cached_plan(self.name, model, path, self._cuda.gpu, self._cache, options,
                           self._watch)
        self._engine = self._deserialised(plan.content)
        for _ in range(2):           # its own, and one that was compiled ahead
            if self._engine is not None or not plan.cached:
                break
            self._cache.discard(plan.key)
            plan = cached_plan(self.name, model, path, self._cuda.gpu, self._cache, options,
                           self._watch)
            self._engine = self._deserialised(plan.content)
        if self._engine is None:
            self._cache.discard(plan.key)
            raise BackendError(f'{title(self.name)} does not take its own plan of {model}'
                               f'{self._log.tail()}: this GPU may not be supported, use ort-cuda')
        return plan

    def _deserialised(self, content: bytes) -> object:
        self._log.clear()
        self._runtime = self._trt.Runtime(self._log)
        if self._runtime is None:
            raise BackendError(f'{title(self.name)} does not start{self._log.tail()}: '
                               f'{INSTALL[self.name]}')
        self._runtime.engine_host_code_allowed = False
        return self._runtime.deserialize_cuda_engine(content)

    def _new_context(self) -> object:
        if self.name == RTX:
            context = self._engine.create_execution_context(self._rtx_config())
        else:
            context = self._engine.create_execution_context()
        if context is None:
            raise BackendError(f'{title(self.name)} cannot run the plan{self._log.tail()}: '
                               'the GPU may have too little free memory')
        return context

    def _rtx_config(self) -> object:
        """Graphs recorded inside, kernels compiled at once instead of while the robot looks."""
        config = self._engine.create_runtime_config()
        if config is None:
            raise BackendError(f'{title(self.name)} gave no runtime configuration'
                               f'{self._log.tail()}')
        config.cuda_graph_strategy = self._trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        config.dynamic_shapes_kernel_specialization_strategy = (
            self._trt.DynamicShapesKernelSpecializationStrategy.EAGER)
        self._kernels = config.create_runtime_cache()
        stored = self._cache.stored(self._key, KERNELS)
        if self._kernels is not None:
            if stored is not None and not self._kernels.deserialize(stored):
                stored = None            # of another driver: they are compiled again
            if not config.set_runtime_cache(self._kernels):
                self._kernels = None
        return config

    def _keep_kernels(self) -> None:
        if self._kernels is None:
            return
        content = self._kernels.serialize()
        self._kernels = None
        if content is not None:
            self._cache.store(self._key, KERNELS, bytes(content))

    # -- shapes and memory ------------------------------------------------------------------------

    def _largest(self) -> Shapes:
        """The largest shape of every input: what the profile says where the batch is open."""
        return {spec.name: tuple(self._engine.get_tensor_profile_shape(spec.name, 0)[2])
                if -1 in spec.shape else spec.shape for spec in self.inputs}

    def _allocate(self) -> None:
        """For the largest batch, once: a recorded graph needs its addresses to stay."""
        self._set_shapes(self._most)
        for spec in (*self.inputs, *self.outputs):
            size = int(np.prod(self._shape(spec.name))) * spec.dtype.itemsize
            buffer = self._buffers[spec.name] = self._cuda.pinned(size)
            if not self._context.set_tensor_address(spec.name, buffer.device.value):
                raise BackendError(f'{title(self.name)} refuses the memory for {spec.name}'
                                   f'{self._log.tail()}')

    def _reshape(self, shapes: Shapes) -> None:
        self._recorded = {}                    # the next recording takes its place
        self._last = {}                        # in between, should the next line fail
        self._set_shapes(shapes)
        self._last = shapes

    def _set_shapes(self, shapes: Shapes) -> None:
        for name, shape in shapes.items():
            if not self._context.set_input_shape(name, shape):
                raise BackendError(f'{name} of shape {list(shape)} is outside of the plan, which '
                                   f'goes up to {list(self._most[name])}: give a smaller batch')
        missing = self._context.infer_shapes()
        if missing:
            raise BackendError(f'{title(self.name)} needs shapes for {", ".join(missing)}')

    def _shape(self, name: str) -> tuple[int, ...]:
        shape = tuple(self._context.get_tensor_shape(name))
        if min(shape, default=0) < 0:
            raise BackendError(f'the shape of {name} depends on the data: use ort-cuda for this '
                               'network')
        return shape

    def _checked(self, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        names = [spec.name for spec in self.inputs]
        if set(feeds) != set(names):
            raise BackendError(f'the network takes {", ".join(names)}, not {", ".join(feeds)}')
        for spec in self.inputs:
            values = feeds[spec.name]
            fits = values.ndim == len(spec.shape) and all(
                wanted in (-1, found) for wanted, found in zip(spec.shape, values.shape))
            if not fits or values.dtype != spec.dtype or not values.size:
                raise BackendError(f'{spec.name} is {list(spec.shape)} {spec.dtype}, not '
                                   f'{list(values.shape)} {values.dtype}')
        return dict(feeds)

    # -- computing --------------------------------------------------------------------------------

    def _compute(self, shapes: Shapes, changed: bool) -> None:
        if self._recorded == shapes:
            self._cuda.replay()
            return
        # the first run after a change plans and allocates, which a recording must not contain
        if changed or not self._records:
            self._enqueue()
            return
        self._cuda.begin_capture()
        try:
            self._enqueue()
            self._cuda.end_capture()
        except BackendError:
            self._cuda.abandon_capture()
            self._records = False
            self.detail += ', without a CUDA graph (it cannot be recorded)'
            self._enqueue()
            return
        self._recorded = shapes
        self._cuda.replay()

    def _enqueue(self) -> None:
        for spec in self.inputs:
            self._cuda.upload(self._buffers[spec.name], self._bytes(spec))
        if not self._context.execute_async_v3(self._cuda.stream):
            raise BackendError(f'{title(self.name)} could not compute{self._log.tail()}')
        for spec in self.outputs:
            self._cuda.download(self._buffers[spec.name], self._bytes(spec))

    def _bytes(self, spec: TensorSpec) -> int:
        return int(np.prod(self._shape(spec.name))) * spec.dtype.itemsize


def _specs(trt: ModuleType,
           engine: object) -> tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]:
    inputs, outputs = [], []
    for index in range(engine.num_io_tensors):
        name = engine.get_tensor_name(index)
        kind = engine.get_tensor_dtype(name)
        try:
            dtype = np.dtype(trt.nptype(kind))
        except TypeError as error:
            raise BackendError(f'tensor {name} is {kind}, which numpy does not have: export the '
                               'network with inputs and outputs of float32 or float16') from error
        spec = TensorSpec(name, tuple(engine.get_tensor_shape(name)), dtype)
        is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        (inputs if is_input else outputs).append(spec)
    return tuple(inputs), tuple(outputs)
