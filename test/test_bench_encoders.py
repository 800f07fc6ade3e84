"""The bench of the encoders: real rows of this machine, and arithmetic on a known GPU."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from omni_agent.backends.encoders import ENCODERS
from omni_agent.backends.engine_cuda import Gpu, probe
from omni_agent.backends.engines import NotHere
from omni_agent.cli import bench_encoders, usage
from omni_agent.cli.bench_encoders import Refused, figures, notes, roofline_ms, row
from omni_agent.cli.main import main

# NVIDIA's data sheet: 132 processors, 1830 MHz, HBM3 with 5120 bits at 2619 MHz
H100 = Gpu('NVIDIA H100 80GB HBM3', 'sm_90', '13.0', 80_000, 132, 1_830_000, 2_619_000, 5120)
KEYS = {'encoder', 'engine', 'p50_ms', 'p99_ms', 'throughput', 'start_s', 'memory_mb', 'cores',
        'compression', 'cosine'}


def test_the_command_writes_rows_of_what_ran_and_reasons_for_what_did_not(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / 'encoders.json'
    assert main(['bench', 'encoders', '--encoder', 'golden_tiny', '--encoder', 'mobilenetv2',
                 '--engines', 'tensorrt,ort-cpu', '--seconds', '0.2', '--json', str(path)]) == 0
    kept = json.loads(path.read_text())
    rows = {(one['encoder'], one['engine']): one for one in kept['rows']}
    assert {('golden_tiny', 'ort-cpu'), ('mobilenetv2', 'ort-cpu')} <= rows.keys()
    for one in rows.values():
        assert KEYS <= one.keys()
        assert 0 < one['p50_ms'] <= one['p99_ms'] and one['cosine'] > 0.999
        assert 0 < one['throughput'] < one['runs'] / 0.15      # 0.2 s, less what is between runs
        assert one['start_s'] > one['p50_ms'] / 1e3 and one['memory_mb'] > 1
        assert 0.0 < one['cores'] < 1.1                        # of the processor: one thread
    small, large = rows['golden_tiny', 'ort-cpu'], rows['mobilenetv2', 'ort-cpu']
    # float32 weights to the bytes of the file: one is fp16, the other is not
    assert large['compression'] == pytest.approx(2.0, rel=0.05) and small['compression'] < 1.0
    assert small['p50_ms'] < large['p50_ms'] and small['memory_mb'] < large['memory_mb']
    seen = set(rows) | {(one['encoder'], one['engine']) for one in kept['refused']}
    assert {(encoder, 'tensorrt') for encoder in ('golden_tiny', 'mobilenetv2')} <= seen
    assert all(one['reason'] for one in kept['refused'])
    out = capsys.readouterr().out
    assert kept['hardware'] in out and 'mobilenetv2' in out and f'{large["cosine"]:.5f}' in out


def test_on_the_cpu_no_figure_of_a_gpu_is_written() -> None:
    try:
        probe()
    except NotHere:
        answer = row('golden_tiny', bench_encoders.TORCH, 0.1, 1)
        assert set(answer) == {'refused'}
    assert 'gpu_memory_mb' not in row('golden_tiny', 'ort-cpu', 0.1, 1)


def test_an_engine_that_ends_its_process_is_one_refusal(monkeypatch: pytest.MonkeyPatch,
                                                        tmp_path: Path) -> None:
    crashing = tmp_path / 'python'
    crashing.write_text('#!/bin/sh\necho from the driver >&2\nkill -SEGV $$\n')
    crashing.chmod(0o700)
    monkeypatch.setattr(bench_encoders.sys, 'executable', str(crashing))
    assert row('golden_tiny', 'ort-cpu', 0.1, 1) == {
        'refused': 'its process ended with code -11: from the driver'}


def test_the_roofline_is_the_slower_of_arithmetic_and_memory() -> None:
    # 8.83 MB of weights at 3.35 TB/s; 0.6 GFLOP at 494 TFLOP/s would be 1.2 us
    assert roofline_ms(ENCODERS['mobilenetv2'], H100) == pytest.approx(8.83e6 / 3.352e12 * 1e3,
                                                                       rel=1e-3)
    # 4.18 GFLOP at 495 TFLOP/s, 15.14 MB
    assert roofline_ms(ENCODERS['nanodet'], H100) == pytest.approx(
        max(4.18e9 / 494.7e12, 15.14e6 / 3.352e12) * 1e3, rel=1e-3)
    slow = Gpu('T4', 'sm_75', '13.0', 16_000, 40, 1_590_000, 5_001_000, 256)
    assert roofline_ms(ENCODERS['nanodet'], slow) == pytest.approx(4.18e9 / 8.14e12 * 1e3,
                                                                   rel=2e-3)


def test_a_gpu_that_hides_its_clocks_or_is_unknown_has_no_roofline() -> None:
    for gpu in (Gpu('Orin', 'sm_87', '12.6', 8000, 8, 918_000, 0, 128),
                Gpu('new', 'sm_190', '15.0', 8000, 8, 918_000, 1000, 128)):
        assert roofline_ms(ENCODERS['nanodet'], gpu) is None


def test_figures_are_the_fastest_engine_and_the_worst_cosine() -> None:
    rows = [{'encoder': 'a', 'p50_ms': 3.0, 'cosine': 0.999},
            {'encoder': 'a', 'p50_ms': 2.0, 'cosine': 0.995},
            {'encoder': 'b', 'p50_ms': 9.0, 'cosine': 1.0}]
    assert figures(rows) == {'a_p50_ms': 2.0, 'b_p50_ms': 9.0, 'cosine_least': 0.995, 'rows': 3.0}
    assert figures([]) == {'rows': 0.0}


def test_a_reason_is_said_once_for_all_encoders() -> None:
    said = notes([Refused('a', 'tensorrt', 'no GPU'), Refused('b', 'tensorrt', 'no GPU'),
                  Refused('b', 'ort-cuda', 'too old')], None, 'no driver')
    assert said == ('no GPU: no driver', 'not measured: tensorrt (a, b): no GPU',
                    'not measured: ort-cuda (b): too old')
    assert 'NVIDIA H100 80GB HBM3 (sm_90), 80 GB, driver 13.0' in notes([], H100, '')[0]


def test_each_precision_has_the_metrics_and_says_how_far_off_it_is(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip('onnx')
    path = tmp_path / 'encoders.json'
    assert main(['bench', 'encoders', '--encoder', 'mobilenetv2', '--engines', 'ort-cpu',
                 '--precisions', '--seconds', '0.3', '--json', str(path)]) == 0
    kept = json.loads(path.read_text())
    rows = {one['precision']: one for one in kept['rows']}
    assert list(rows) == ['shipped', 'fp32', 'int8']
    for one in rows.values():
        assert {'memory_mean_mb', 'cores_peak', 'mean_ms', 'throughput', 'compression'} < set(one)
        assert one['memory_mean_mb'] > 5 and 0 < one['cores_peak'] < 2.5
        assert one['mean_ms'] == pytest.approx(1e3 / one['throughput'])
    assert rows['fp32']['compression'] == pytest.approx(1.0, abs=0.05)
    assert rows['int8']['compression'] > 3 > rows['shipped']['compression'] > 1.8
    assert rows['fp32']['cosine'] > 0.9999 > rows['int8']['cosine'] > 0.5
    assert kept['figures']['cosine_least'] == rows['shipped']['cosine']
    has_meter = usage.joules() is not None
    assert ('energy_mj' in rows['fp32']) == has_meter
    assert ('energy was not measured' in capsys.readouterr().out) != has_meter


def test_energy_is_read_from_each_package_and_left_out_without_a_meter(tmp_path: Path) -> None:
    assert usage.joules(tmp_path) is None
    for name, count in (('intel-rapl:0', 3_000_000), ('intel-rapl:1', 500_000),
                        ('intel-rapl:0:0', 77)):             # the last is a part of the first
        (tmp_path / name).mkdir()
        (tmp_path / name / 'energy_uj').write_text(f'{count}\n')
    assert usage.joules(tmp_path) == pytest.approx(3.5)
    with usage.Meter(0, tmp_path) as meter:
        (tmp_path / 'intel-rapl:1' / 'energy_uj').write_text('900000\n')
    assert meter.usage.energy_j == pytest.approx(0.4) and meter.usage.memory_mb > 10
    with usage.Meter(0, tmp_path) as meter:
        (tmp_path / 'intel-rapl:1' / 'energy_uj').write_text('0\n')      # it began anew
    assert meter.usage.energy_j is None
    (tmp_path / 'intel-rapl:0' / 'energy_uj').write_text('many\n')
    assert usage.joules(tmp_path) is None


def test_the_busiest_moment_is_what_counts() -> None:
    with usage.Meter(0) as meter:
        end = time.perf_counter() + 0.5
        while time.perf_counter() < end:
            pass
    busy = meter.usage.cores_peak
    with usage.Meter(0) as meter:
        time.sleep(0.3)
    assert meter.usage.cores_peak < busy
