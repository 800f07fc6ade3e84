"""The stand-in GPU of fake_gpu, compiled once for a test session."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent / 'fake_gpu'


def driver(folder: Path) -> str:
    """Path of a libcuda whose GPU is this computer's memory."""
    library = folder / 'libcuda.so.1'
    if not library.is_file():
        compiler = os.environ.get('CC', 'cc')
        done = subprocess.run([compiler, '-shared', '-fPIC', '-o', str(library),
                               str(FOLDER / 'cuda.c')], capture_output=True, text=True,
                              check=False)
        assert done.returncode == 0, done.stderr
    return str(library)


def left_over(library: str) -> int:
    """Memory, graphs, streams and contexts that nobody gave back."""
    return ctypes.CDLL(library).fakeLive()


def replays(library: str) -> int:
    return ctypes.CDLL(library).fakeReplays()


def install_tensorrt(monkeypatch: pytest.MonkeyPatch, library: str) -> object:
    """``import tensorrt`` and ``tensorrt_rtx`` give the stand-in until the test ends."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv('FAKE_CUDA_LIBRARY', library)
    monkeypatch.delitem(sys.modules, 'tensorrt', raising=False)
    import tensorrt
    for name in ('tensorrt', 'tensorrt_rtx'):
        monkeypatch.setitem(sys.modules, name, tensorrt)
    tensorrt.log.clear()
    tensorrt.refuse.clear()
    return tensorrt
