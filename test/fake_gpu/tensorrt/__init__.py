"""What engine_tensorrt and tensorrt_plan call of TensorRT, computed by ONNX Runtime on fake_gpu's
memory.

It answers as TensorRT does: None and False where that fails, no exception. It proves that our side
asks in the right order and looks at every answer; nothing about a real TensorRT.
"""

from __future__ import annotations

import ctypes
import enum
import json
import os

import numpy as np
import onnxruntime as ort

__version__ = '10.13.3.9'
log: list[str] = []        # what was asked, for the tests
refuse: set[str] = set()   # which calls fail


class ILogger:
    ERROR, INTERNAL_ERROR, WARNING = 'error', 'internal error', 'warning'


class IProgressMonitor: ...


class NetworkDefinitionCreationFlag(enum.IntEnum):
    STRONGLY_TYPED = 1


class MemoryPoolType(enum.Enum):
    WORKSPACE = 0


class CudaGraphStrategy(enum.Enum):
    DISABLED = 0
    WHOLE_GRAPH_CAPTURE = 1


class DynamicShapesKernelSpecializationStrategy(enum.Enum):
    LAZY = 0
    EAGER = 1


class RuntimeCache:
    """Only TensorRT-RTX has one."""

    def deserialize(self, content: bytes) -> bool:
        log.append(f'kernels {content!r}')
        return 'kernels' not in refuse

    def serialize(self) -> bytes:
        return b'compiled kernels'


class RuntimeConfig:
    """Only TensorRT-RTX has one."""

    cuda_graph_strategy = CudaGraphStrategy.DISABLED
    dynamic_shapes_kernel_specialization_strategy = DynamicShapesKernelSpecializationStrategy.LAZY

    def create_runtime_cache(self) -> RuntimeCache:
        return RuntimeCache()

    def set_runtime_cache(self, cache: RuntimeCache) -> bool:
        return True


class TensorIOMode(enum.Enum):
    INPUT = 0
    OUTPUT = 1


def nptype(kind: str) -> type:
    if kind == 'tensor(bfloat16)':
        raise TypeError(kind)
    return {'tensor(float)': np.float32, 'tensor(float16)': np.float16}[kind]


class Tensor:
    def __init__(self, given: object) -> None:
        self.name, self.dtype = given.name, given.type
        self.shape = tuple(side if isinstance(side, int) else -1 for side in given.shape)


class Network:
    content = b''
    tensors: list[Tensor] = []

    @property
    def num_inputs(self) -> int:
        return len(self.tensors)

    def get_input(self, index: int) -> Tensor:
        return self.tensors[index]


class ParserError:
    def desc(self) -> str:
        return 'no importer for this\nnode'


class OnnxParser:
    num_errors = 1

    def __init__(self, network: Network, logger: ILogger) -> None:
        self._network = network

    def parse_from_file(self, path: str) -> bool:
        if 'parse' in refuse:
            return False
        with open(path, 'rb') as file:
            self._network.content = file.read()
        session = ort.InferenceSession(self._network.content)
        self._network.tensors = [Tensor(one) for one in session.get_inputs()]
        return True

    def get_error(self, index: int) -> ParserError:
        return ParserError()


class Profile:
    def __init__(self) -> None:
        self.most: dict[str, tuple[int, ...]] = {}

    def set_shape(self, name: str, least: tuple, usual: tuple, most: tuple) -> None:
        assert all(a <= b <= c for a, b, c in zip(least, usual, most))
        self.most[name] = tuple(most)


class Config:
    progress_monitor: IProgressMonitor
    builder_optimization_level = -1

    def __init__(self) -> None:
        self.most: dict[str, tuple[int, ...]] = {}

    def set_memory_pool_limit(self, pool: MemoryPoolType, size: int) -> None:
        assert pool is MemoryPoolType.WORKSPACE and size > 0

    def add_optimization_profile(self, profile: Profile) -> int:
        self.most = profile.most
        return -1 if 'profile' in refuse else 0


class Builder:
    def __init__(self, logger: ILogger) -> None:
        if 'builder' in refuse:
            raise TypeError('pybind11::init(): factory function returned nullptr')
        self._log = logger

    def create_network(self, flags: int) -> Network | None:
        assert flags == 2
        return None if 'network' in refuse else Network()

    def create_builder_config(self) -> Config:
        return Config()

    def create_optimization_profile(self) -> Profile:
        return Profile()

    def build_serialized_network(self, network: Network, config: Config) -> bytes | None:
        log.append('build')
        config.progress_monitor.phase_start('Building', None, 2)
        for step in range(2):
            if not config.progress_monitor.step_complete('Building', step):
                return None
        config.progress_monitor.phase_finish('Building')
        log.append('built')
        if 'build' in refuse:
            self._log.log(ILogger.ERROR, 'Error Code 10: no tactic')
            return None
        return json.dumps(config.most).encode() + b'\n' + network.content


class Runtime:
    engine_host_code_allowed = True

    def __init__(self, logger: ILogger) -> None:
        self._log = logger

    def deserialize_cuda_engine(self, plan: bytes) -> Engine | None:
        assert self.engine_host_code_allowed is False
        log.append('deserialise')
        if 'deserialise' in refuse or ('deserialise once' in refuse
                                       and log.count('deserialise') == 1):
            self._log.log(ILogger.ERROR, 'The engine plan file is not compatible')
            return None
        head, content = plan.split(b'\n', 1)
        return Engine(json.loads(head), content)


class Engine:
    def __init__(self, most: dict[str, list[int]], content: bytes) -> None:
        self._most = most
        self.session = ort.InferenceSession(content)
        self._inputs = [Tensor(one) for one in self.session.get_inputs()]
        self.tensors = [*self._inputs, *(Tensor(one) for one in self.session.get_outputs())]
        self._by_name = {tensor.name: tensor for tensor in self.tensors}

    @property
    def num_io_tensors(self) -> int:
        return len(self.tensors)

    def get_tensor_name(self, index: int) -> str:
        return self.tensors[index].name

    def get_tensor_dtype(self, name: str) -> str:
        return self._by_name[name].dtype

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._by_name[name].shape

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in [one.name for one in self._inputs] \
            else TensorIOMode.OUTPUT

    def get_tensor_profile_shape(self, name: str, index: int) -> list[tuple[int, ...]]:
        assert index == 0
        return [(1,), (1,), tuple(self._most[name])]

    def create_runtime_config(self) -> RuntimeConfig:
        return RuntimeConfig()

    def create_execution_context(self, config: RuntimeConfig | None = None) -> Context | None:
        if config is not None:
            log.append(f'{config.cuda_graph_strategy.name} '
                       f'{config.dynamic_shapes_kernel_specialization_strategy.name}')
        return None if 'context' in refuse else Context(self)


class Context:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._shapes = {one.name: one.shape for one in engine.tensors
                        if engine.get_tensor_mode(one.name) is TensorIOMode.INPUT}
        self._addresses: dict[str, int] = {}
        self._kept: list[object] = []        # callbacks live as long as graphs that hold them
        self._driver = ctypes.CDLL(os.environ['FAKE_CUDA_LIBRARY'])
        self._driver.fakeEnqueue.argtypes = [ctypes.CFUNCTYPE(None), ctypes.c_void_p]

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        most = self._engine._most.get(name, self._engine.get_tensor_shape(name))
        if any(found > largest for found, largest in zip(shape, most)):
            self._shapes[name] = (-1,) * len(shape)      # the worst that it may leave behind
            return False
        self._shapes[name] = tuple(shape)
        return True

    def infer_shapes(self) -> list[str]:
        return [name for name, shape in self._shapes.items() if -1 in shape]

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        if name in self._shapes:
            return self._shapes[name]
        batch = next(iter(self._shapes.values()))[0]
        return tuple(batch if side == -1 else side for side in self._engine.get_tensor_shape(name))

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._addresses[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        log.append('enqueue')
        if 'record' in refuse and self._driver.fakeCapturing():
            return False
        if 'enqueue' in refuse or len(self._addresses) != len(self._engine.tensors):
            return False
        shapes = dict(self._shapes)

        def kernel() -> None:
            feeds = {name: self._memory(name, shape) for name, shape in shapes.items()}
            names = [one.name for one in self._engine.tensors if one.name not in shapes]
            for name, values in zip(names, self._engine.session.run(names, feeds)):
                self._memory(name, values.shape)[...] = values

        callback = ctypes.CFUNCTYPE(None)(kernel)
        self._kept.append(callback)
        return self._driver.fakeEnqueue(callback, stream) == 0

    def _memory(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        dtype = np.dtype(nptype(self._engine.get_tensor_dtype(name)))
        size = int(np.prod(shape)) * dtype.itemsize
        memory = (ctypes.c_uint8 * size).from_address(self._addresses[name])
        return np.frombuffer(memory, dtype).reshape(shape)
