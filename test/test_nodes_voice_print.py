"""Perception where the model that tells voices apart is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from ros_bench import WARN, Bench, level_of


def test_a_missing_voice_model_is_told_and_the_rest_goes_on(
        bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    bench.start('perception', vad='fake', recogniser='fake', turn_end='fake', detector='none',
                faces='none', picture_vector='none', voice_print='ge2e')

    def told() -> bool:
        return any('models pull ge2e_voice' in status.message
                   and 'spectrum and pitch' in status.message
                   for status in bench.health.get('perception', [])[-1:])
    bench.until(told, 'a word about the missing model')
    assert level_of(bench.health['perception'][-1]) == WARN
