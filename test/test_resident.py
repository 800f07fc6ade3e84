"""What a process holds, measured, and given back."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from omni_agent.backends.resident import give_back, resident_mib

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='only Linux tells')


def test_what_is_held_and_let_go_shows():
    give_back()
    before = resident_mib()
    # 61 MiB, in pieces that an allocator likes to keep
    held = [np.ones(100_000) for _ in range(80)]
    assert resident_mib() - before > 50
    held.append(held)                                       # only a cycle holds them
    del held
    give_back()
    assert resident_mib() - before < 20
