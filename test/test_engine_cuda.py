"""The CUDA driver: refusals are real, the rest is asked of a driver made of malloc and memcpy."""

from __future__ import annotations

import sys
from pathlib import Path

import gpu_stand_in
import numpy as np
import pytest

from omni_agent.backends.engine_cuda import Cuda, Gpu, probe
from omni_agent.backends.engines import NotHere
from omni_agent.core.errors import BackendError


@pytest.fixture(scope='module')
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    return gpu_stand_in.driver(tmp_path_factory.mktemp('cuda'))


def test_no_driver_is_a_sentence() -> None:
    with pytest.raises(NotHere, match='no NVIDIA driver here .libcuda.so.99.*use ort-cpu'):
        probe('libcuda.so.99')


def test_a_library_that_is_no_driver_is_a_sentence() -> None:
    other = 'libm.so.6' if sys.platform == 'linux' else 'libm.dylib'
    with pytest.raises(NotHere, match='is no CUDA driver of version 11.4 or later'):
        probe(other)


@pytest.mark.parametrize('code, words', [
    (100, 'CUDA_ERROR_NO_DEVICE, the driver sees no GPU: check "nvidia-smi"'),
    (803, 'of different versions: reboot'), (804, 'remove cuda-compat'),
    (34, 'the stub library of the CUDA toolkit'), (999, 'modprobe nvidia_uvm'),
    (777, 'CUDA error 777, look it up')])
def test_a_driver_that_does_not_start_is_a_sentence(
        library: str, monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    monkeypatch.setenv('FAKE_CUDA_INIT', str(code))
    with pytest.raises(NotHere, match='does not start') as caught:
        probe(library)
    assert words in str(caught.value)


def test_a_driver_without_a_gpu_is_a_sentence(
        library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('FAKE_CUDA_COUNT', '0')
    with pytest.raises(NotHere, match='there is no GPU'):
        Cuda(library)


def test_a_gpu_is_described(library: str) -> None:
    assert probe(library) == Gpu('Fake GPU', 'sm_89', '13.2', pytest.approx(25769.8, abs=0.1),
                                 100, 2_000_000, 10_000_000, 400)


def test_what_is_uploaded_comes_back_and_everything_is_given_back(library: str) -> None:
    cuda = Cuda(library)
    there, back = cuda.pinned(4000), cuda.pinned(4000)
    sent = np.random.RandomState(0).standard_normal((10, 100)).astype(np.float32)
    there.view((10, 100), sent.dtype)[...] = sent
    back.device, there.device = there.device, back.device       # one buffer's host, other's device
    cuda.upload(there, 4000)
    back.device, there.device = there.device, back.device
    cuda.download(back, 4000)
    cuda.wait()
    assert np.array_equal(back.view((10, 100), sent.dtype), sent)
    assert cuda.used_mb() == 5.0
    there.free()
    back.free()
    cuda.close()
    assert gpu_stand_in.left_over(library) == 0


def test_a_recording_is_replayed_with_what_the_memory_holds_then(library: str) -> None:
    cuda = Cuda(library)
    buffer = cuda.pinned(8)
    numbers = buffer.view((1,), np.dtype(np.float64))
    numbers[0] = 1.0
    cuda.begin_capture()
    cuda.upload(buffer, 8)
    cuda.end_capture()
    assert cuda.recorded
    numbers[0] = 2.0
    cuda.replay()
    numbers[0] = 3.0
    cuda.download(buffer, 8)
    cuda.wait()
    assert numbers[0] == 2.0        # of the replay: the recording itself had moved nothing
    cuda.begin_capture()
    cuda.end_capture()              # in place of the first
    buffer.free()
    cuda.close()
    assert gpu_stand_in.left_over(library) == 0


def test_a_recording_that_fails_leaves_a_stream_that_works(
        library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = Cuda(library)
    buffer = cuda.pinned(8)
    monkeypatch.setenv('FAKE_CUDA_NO_CAPTURE', '1')
    cuda.begin_capture()
    with pytest.raises(BackendError, match='cuStreamEndCapture failed: CUDA error 901'):
        cuda.end_capture()
    cuda.abandon_capture()
    assert not cuda.recorded
    cuda.upload(buffer, 8)
    cuda.wait()
    buffer.free()
    cuda.close()
    assert gpu_stand_in.left_over(library) == 0


def test_memory_that_is_not_there_is_a_sentence_and_leaves_nothing(library: str) -> None:
    cuda = Cuda(library)
    with pytest.raises(BackendError, match='CUDA_ERROR_OUT_OF_MEMORY, the GPU has no memory left'):
        cuda.pinned(1 << 40)
    cuda.close()
    assert gpu_stand_in.left_over(library) == 0


def test_the_folder_of_the_stand_in_is_nothing_that_an_installation_would_import() -> None:
    assert str(Path(gpu_stand_in.FOLDER)) not in sys.path
