"""A network is all of its files: what a change of any of them does to its hash."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from omni_agent.backends import encoders, onnx_file
from omni_agent.core.errors import BackendError

onnx = pytest.importorskip('onnx', reason='the onnx package makes these networks')
GOLDEN = encoders.network('golden_tiny').file


@pytest.fixture
def split(tmp_path: Path) -> Path:
    """The golden network with its weights in two files beside it."""
    model = onnx.load(str(GOLDEN))
    onnx.save(model, str(tmp_path / 'net.onnx'), save_as_external_data=True,
              all_tensors_to_one_file=False, size_threshold=2000)
    assert len(list(tmp_path.iterdir())) > 2
    return tmp_path / 'net.onnx'


@pytest.mark.parametrize('name', encoders.here())
def test_the_networks_of_this_package_are_single_files(name: str) -> None:
    assert onnx_file.external_files(encoders.network(name).file) == []


def test_the_files_that_hold_weights_are_found(split: Path) -> None:
    others = sorted(path for path in split.parent.iterdir() if path != split)
    assert onnx_file.external_files(split) == others


def test_weights_inside_a_branch_or_a_constant_are_found_too(tmp_path: Path) -> None:
    tensor = onnx.helper.make_tensor('w', onnx.TensorProto.FLOAT, [4], np.zeros(4, np.float32))
    tensor.ClearField('float_data')
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key='offset', value='0')
    tensor.external_data.add(key='location', value='deep.bin')
    inner = onnx.helper.make_node('Constant', [], ['w'], value=tensor)
    branch = onnx.helper.make_graph([inner], 'then', [], [
        onnx.helper.make_tensor_value_info('w', onnx.TensorProto.FLOAT, [4])])
    node = onnx.helper.make_node('If', ['c'], ['y'], then_branch=branch, else_branch=branch)
    model = onnx.helper.make_model(onnx.helper.make_graph([node], 'g', [], []))
    (tmp_path / 'net.onnx').write_bytes(model.SerializeToString())
    assert onnx_file.external_files(tmp_path / 'net.onnx') == [tmp_path / 'deep.bin']


def test_any_changed_byte_of_any_file_makes_another_network(split: Path) -> None:
    before = onnx_file.digest(split)
    assert before == onnx_file.digest(split)
    for file in [split, *onnx_file.external_files(split)]:
        right = file.read_bytes()
        # the producer's name in the network, the last number of the weights
        file.write_bytes(right.replace(b'omni_agent', b'omni-agent') if file == split
                         else right[:-1] + bytes([right[-1] ^ 1]))
        assert onnx_file.digest(split) != before, file.name
        file.write_bytes(right)
    assert onnx_file.digest(split) == before


def test_a_copy_elsewhere_is_the_same_network(split: Path, tmp_path: Path) -> None:
    shutil.copytree(split.parent, tmp_path / 'copy')
    assert onnx_file.digest(tmp_path / 'copy' / split.name) == onnx_file.digest(split)


def test_missing_weights_are_a_sentence(split: Path) -> None:
    onnx_file.external_files(split)[0].unlink()
    with pytest.raises(BackendError, match='keep all files of a network together'):
        onnx_file.digest(split)


@pytest.mark.parametrize('name', ['../secret', '/etc/passwd'])
def test_weights_outside_of_its_folder_are_refused(split: Path, name: str) -> None:
    model = onnx.load(str(split), load_external_data=False)
    tensor = next(one for one in model.graph.initializer if one.external_data)
    tensor.external_data[0].value = name
    split.write_bytes(model.SerializeToString())
    with pytest.raises(BackendError, match='outside of its folder: do not use this file'):
        onnx_file.digest(split)


@pytest.mark.parametrize('content', [b'\x3a\xff\x01short', b'\x3a', b'\x0f', b'\xff' * 20])
def test_what_is_no_network_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / 'junk.onnx').write_bytes(content)
    with pytest.raises(BackendError, match='is not an ONNX network'):
        onnx_file.digest(tmp_path / 'junk.onnx')
    with pytest.raises(BackendError, match='cannot be read'):
        onnx_file.digest(tmp_path / 'none.onnx')
