"""The CUDA driver through ctypes: the only place that touches a GPU directly.

libcuda comes with every NVIDIA driver, on Jetson too, so neither a wheel nor a compiler is needed
for memory, a stream and a graph. It is also the probe: TensorRT crashes the process when it is
asked for anything without a working driver, so the driver is asked first.

Never run on a GPU by this project. The refusals are real; the calls are tested against a driver
made of malloc and memcpy, which proves their arguments and their order, not a GPU's answer.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, byref, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from dataclasses import dataclass

import numpy as np

from omni_agent.backends.engines import NotHere
from omni_agent.core.errors import BackendError

LIBRARY = 'libcuda.so.1'
WITHOUT = 'use ort-cpu here'
# CUresult -> what to do about it (cuda.h)
ADVICE = {
    2: 'the GPU has no memory left: end what else uses it',
    34: 'this is the stub library of the CUDA toolkit, not a driver: take its folder out of '
        'LD_LIBRARY_PATH',
    36: 'the driver is too old for this library: update the NVIDIA driver',
    46: 'the GPU is taken by another process in exclusive mode: end that one',
    100: f'the driver sees no GPU: check "nvidia-smi", or {WITHOUT}',
    101: 'there is no GPU of that number: check CUDA_VISIBLE_DEVICES',
    303: 'a library of the driver is missing: install the NVIDIA driver again',
    802: 'the GPU is not ready yet: start nvidia-fabricmanager or wait',
    803: 'the kernel module and the library of the driver are of different versions: reboot after '
         'an update of the driver, or match the driver of the container to that of the host',
    804: 'this GPU does not support the forward-compatibility driver: remove cuda-compat',
    999: 'the driver is broken or not loaded: run "sudo modprobe nvidia_uvm" or reboot',
}
# CUdevice_attribute
CLOCK_KHZ, PROCESSORS, MEMORY_CLOCK_KHZ, BUS_BITS, MAJOR, MINOR = 13, 16, 36, 37, 75, 76
NON_BLOCKING = 1               # CU_STREAM_NON_BLOCKING
THREAD_LOCAL = 1               # CU_STREAM_CAPTURE_MODE_THREAD_LOCAL: other threads go on freely

SIGNATURES = {
    'cuInit': [c_uint],
    'cuDriverGetVersion': [POINTER(c_int)],
    'cuGetErrorName': [c_int, POINTER(c_char_p)],
    'cuDeviceGetCount': [POINTER(c_int)],
    'cuDeviceGet': [POINTER(c_int), c_int],
    'cuDeviceGetName': [c_char_p, c_int, c_int],
    'cuDeviceGetAttribute': [POINTER(c_int), c_int, c_int],
    'cuDeviceTotalMem_v2': [POINTER(c_size_t), c_int],
    'cuDevicePrimaryCtxRetain': [POINTER(c_void_p), c_int],
    'cuDevicePrimaryCtxRelease_v2': [c_int],
    'cuCtxSetCurrent': [c_void_p],
    'cuMemGetInfo_v2': [POINTER(c_size_t), POINTER(c_size_t)],
    'cuMemAlloc_v2': [POINTER(c_uint64), c_size_t],
    'cuMemFree_v2': [c_uint64],
    'cuMemHostAlloc': [POINTER(c_void_p), c_size_t, c_uint],
    'cuMemFreeHost': [c_void_p],
    'cuMemcpyHtoDAsync_v2': [c_uint64, c_void_p, c_size_t, c_void_p],
    'cuMemcpyDtoHAsync_v2': [c_void_p, c_uint64, c_size_t, c_void_p],
    'cuStreamCreate': [POINTER(c_void_p), c_uint],
    'cuStreamSynchronize': [c_void_p],
    'cuStreamDestroy_v2': [c_void_p],
    'cuStreamBeginCapture_v2': [c_void_p, c_int],
    'cuStreamEndCapture': [c_void_p, POINTER(c_void_p)],
    'cuGraphInstantiateWithFlags': [POINTER(c_void_p), c_void_p, c_uint64],
    'cuGraphLaunch': [c_void_p, c_void_p],
    'cuGraphExecDestroy': [c_void_p],
    'cuGraphDestroy': [c_void_p],
}


@dataclass(frozen=True)
class Gpu:
    """The first GPU. ``capability`` like 'sm_89'; clocks [kHz] and bus [bits] are 0 if hidden."""

    name: str
    capability: str
    driver: str
    memory_mb: float
    processors: int = 0
    clock_khz: int = 0
    memory_clock_khz: int = 0
    bus_bits: int = 0


class Driver:
    """The library with its signatures; a call that fails is a BackendError with advice."""

    def __init__(self, library: str = LIBRARY) -> None:
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise NotHere(f'there is no NVIDIA driver here ({library} cannot be loaded): '
                          f'install one, or {WITHOUT}') from error
        try:
            for name, arguments in SIGNATURES.items():
                function = getattr(self._library, name)
                function.argtypes, function.restype = arguments, c_int
        except AttributeError as error:
            raise NotHere(f'{library} is no CUDA driver of version 11.4 or later ({error}): '
                          f'update the NVIDIA driver, or {WITHOUT}') from error

    def call(self, name: str, *arguments: object) -> None:
        code = getattr(self._library, name)(*arguments)
        if code:
            raise BackendError(f'{name} failed: {self.words(code)}')

    def words(self, code: int) -> str:
        found = c_char_p()
        self._library.cuGetErrorName(code, byref(found))
        name = found.value.decode() if found.value else f'CUDA error {code}'
        return f'{name}, {ADVICE.get(code, f"look it up in the CUDA driver API; {WITHOUT}")}'


def probe(library: str = LIBRARY) -> Gpu:
    """The first GPU, without taking any of its memory. Raises NotHere with one sentence."""
    driver = Driver(library)
    try:
        driver.call('cuInit', 0)
        count = _number(driver, 'cuDeviceGetCount')
    except BackendError as error:
        raise NotHere(f'the NVIDIA driver does not start: {error}') from error
    if not count:
        raise NotHere(f'the NVIDIA driver runs, but there is no GPU: {ADVICE[100]}')
    return _gpu(driver, _number(driver, 'cuDeviceGet', 0))


def _number(driver: Driver, name: str, *arguments: object) -> int:
    value = c_int()
    driver.call(name, byref(value), *arguments)
    return value.value


def _gpu(driver: Driver, device: int) -> Gpu:
    name = ctypes.create_string_buffer(256)
    driver.call('cuDeviceGetName', name, len(name), device)
    memory = c_size_t()
    driver.call('cuDeviceTotalMem_v2', byref(memory), device)
    version = _number(driver, 'cuDriverGetVersion')        # 1000 * major + 10 * minor
    facts = {key: _number(driver, 'cuDeviceGetAttribute', key, device) for key in (
        MAJOR, MINOR, PROCESSORS, CLOCK_KHZ, MEMORY_CLOCK_KHZ, BUS_BITS)}
    return Gpu(name.value.decode(), f'sm_{facts[MAJOR]}{facts[MINOR]}',
               f'{version // 1000}.{version % 1000 // 10}', memory.value / 1e6, facts[PROCESSORS],
               facts[CLOCK_KHZ], facts[MEMORY_CLOCK_KHZ], facts[BUS_BITS])


class Pinned:
    """Host memory that the GPU reads and writes directly, with its twin on the device."""

    def __init__(self, driver: Driver, size: int) -> None:
        self._driver = driver
        self.host, self.device = c_void_p(), c_uint64()
        driver.call('cuMemHostAlloc', byref(self.host), size, 0)
        try:
            driver.call('cuMemAlloc_v2', byref(self.device), size)
        except BackendError:
            driver.call('cuMemFreeHost', self.host)
            raise
        self._bytes = (ctypes.c_uint8 * size).from_address(self.host.value)
        self.size = size

    def view(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """The beginning of the host's side as an array; valid until ``free``."""
        count = int(np.prod(shape))
        return np.frombuffer(self._bytes, dtype, count).reshape(shape)

    def free(self) -> None:
        self._driver.call('cuMemFree_v2', self.device)
        self._driver.call('cuMemFreeHost', self.host)


class Cuda:
    """The first GPU's primary context, one stream, memory and at most one recorded graph.

    Its methods may be called from any thread, one at a time. Raises NotHere, BackendError.
    """

    def __init__(self, library: str = LIBRARY) -> None:
        self.gpu = probe(library)
        self.driver = Driver(library)
        self._device = _number(self.driver, 'cuDeviceGet', 0)
        self._context, self._stream = c_void_p(), c_void_p()
        self._graph: c_void_p | None = None
        self.driver.call('cuDevicePrimaryCtxRetain', byref(self._context), self._device)
        try:
            self.use()
            self.driver.call('cuStreamCreate', byref(self._stream), NON_BLOCKING)
        except BackendError:
            self.driver.call('cuDevicePrimaryCtxRelease_v2', self._device)
            raise

    @property
    def stream(self) -> int:
        return self._stream.value or 0

    def use(self) -> None:
        """Make the context that of the calling thread; costs a microsecond."""
        self.driver.call('cuCtxSetCurrent', self._context)

    def used_mb(self) -> float:
        """Of the whole GPU, by everybody."""
        free, total = c_size_t(), c_size_t()
        self.driver.call('cuMemGetInfo_v2', byref(free), byref(total))
        return (total.value - free.value) / 1e6

    def pinned(self, size: int) -> Pinned:
        return Pinned(self.driver, max(1, size))

    def upload(self, buffer: Pinned, size: int) -> None:
        self.driver.call('cuMemcpyHtoDAsync_v2', buffer.device, buffer.host, size, self._stream)

    def download(self, buffer: Pinned, size: int) -> None:
        self.driver.call('cuMemcpyDtoHAsync_v2', buffer.host, buffer.device, size, self._stream)

    def wait(self) -> None:
        self.driver.call('cuStreamSynchronize', self._stream)

    def begin_capture(self) -> None:
        self.driver.call('cuStreamBeginCapture_v2', self._stream, THREAD_LOCAL)

    def end_capture(self) -> None:
        """Keep what was put on the stream since ``begin_capture``, in place of an older graph."""
        graph, executable = c_void_p(), c_void_p()
        self.driver.call('cuStreamEndCapture', self._stream, byref(graph))
        if not graph.value:
            raise BackendError('the GPU recorded nothing: the network cannot be captured')
        try:
            self.driver.call('cuGraphInstantiateWithFlags', byref(executable), graph, 0)
        finally:
            self.driver.call('cuGraphDestroy', graph)
        self.drop_graph()
        self._graph = executable

    def abandon_capture(self) -> None:
        """End a capture that failed; the stream is usable again afterwards."""
        graph = c_void_p()
        try:
            self.driver.call('cuStreamEndCapture', self._stream, byref(graph))
        except BackendError:
            return                      # it says again that the capture failed
        if graph.value:
            self.driver.call('cuGraphDestroy', graph)

    @property
    def recorded(self) -> bool:
        return self._graph is not None

    def replay(self) -> None:
        self.driver.call('cuGraphLaunch', self._graph, self._stream)

    def drop_graph(self) -> None:
        if self._graph is not None:
            self.driver.call('cuGraphExecDestroy', self._graph)
            self._graph = None

    def close(self) -> None:
        self.drop_graph()
        self.driver.call('cuStreamDestroy_v2', self._stream)
        self.driver.call('cuDevicePrimaryCtxRelease_v2', self._device)
