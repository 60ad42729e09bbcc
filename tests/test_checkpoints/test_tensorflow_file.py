"""Reading checkpoints of tf.train without TensorFlow.

The files in tests/data/tensorflow were written by TensorFlow 2.21, in one shard, in two
and in the old format; every value is a function of its name.
"""

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import tensorflow_value as value_of

from mmseg_deeplab.checkpoints import load_tensorflow
from mmseg_deeplab.checkpoints.formats.tensorflow_table import crc32c

DATA = Path(__file__).resolve().parents[1] / 'data' / 'tensorflow'
SHAPES = {
    'MobilenetV2/Conv/weights': (3, 3, 3, 4),
    'MobilenetV2/Conv/BatchNorm/gamma': (4,),
    'MobilenetV2/Conv/BatchNorm/beta': (4,),
    'MobilenetV2/Conv/BatchNorm/moving_mean': (4,),
    'MobilenetV2/Conv/BatchNorm/moving_variance': (4,),
    'MobilenetV2/expanded_conv/depthwise/depthwise_weights': (3, 3, 4, 1),
    'MobilenetV2/expanded_conv_1/expand/weights': (1, 1, 4, 24),
    'logits/semantic/weights': (1, 1, 24, 5),
    'logits/semantic/biases': (5,),
    'empty': (0, 3),
}


def stored_values() -> dict[str, np.ndarray]:
    """Return what the stored checkpoints hold."""
    values = {name: value_of(name, shape) for name, shape in SHAPES.items()}
    values['global_step'] = np.int64(30000)
    values['in_half'] = value_of('in_half', (7,)).astype(np.float16)
    return values | {'in_double': value_of('in_double', (2, 3)).astype(np.float64)}


@pytest.fixture
def copied(tmp_path) -> Path:
    """Return the prefix of a copy to be damaged."""
    shutil.copytree(DATA, tmp_path, dirs_exist_ok=True)
    return tmp_path / 'model.ckpt'


def assert_equal(state: dict[str, torch.Tensor], values: dict[str, np.ndarray]) -> None:
    assert state.keys() == values.keys()
    for name, value in values.items():
        np.testing.assert_array_equal(state[name].numpy(), value, err_msg=name)
        assert state[name].numpy().dtype == value.dtype


@pytest.mark.parametrize(
    'name', ['model.ckpt', 'model.ckpt.index', 'model.ckpt.data-00000-of-00001']
)
def test_a_checkpoint_of_tensorflow_is_read(name):
    assert_equal(load_tensorflow(DATA / name), stored_values())


def test_shards_bfloat16_and_strings():
    """Numbers from both shards; the object graph of TensorFlow 2 is no tensor."""
    state = load_tensorflow(DATA / 'sharded.ckpt')
    brain = state.pop('in_bfloat16')
    assert_equal(state, stored_values())
    expected = torch.from_numpy(value_of('in_bfloat16', (9,))).bfloat16()
    assert torch.equal(brain, expected)


def test_a_folder_is_read_where_it_is_clear_which_checkpoint_is_meant(copied):
    with pytest.raises(ValueError, match=r'one of them: model\.ckpt, sharded\.ckpt'):
        load_tensorflow(copied.parent)
    (copied.parent / 'sharded.ckpt.index').unlink()
    assert_equal(load_tensorflow(copied.parent), stored_values())


def test_missing_files_are_named(copied, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.ckpt\.index'):
        load_tensorflow(tmp_path / 'none.ckpt')
    Path(f'{copied}.data-00000-of-00001').unlink()
    with pytest.raises(FileNotFoundError, match='data-00000-of-00001: no such file'):
        load_tensorflow(copied)


@pytest.mark.parametrize('keep', [0.0, 0.3, 0.7, 0.99])
@pytest.mark.parametrize('ending', ['.index', '.data-00000-of-00001'])
def test_truncated_files_are_named(copied, ending, keep):
    file = copied.with_name(copied.name + ending)
    file.write_bytes(file.read_bytes()[: int(keep * file.stat().st_size)])
    with pytest.raises(ValueError, match=r'model\.ckpt.*load it again'):
        load_tensorflow(copied)


@pytest.mark.parametrize('ending', ['.index', '.data-00000-of-00001'])
def test_a_flipped_bit_anywhere_is_found(copied, ending):
    """Every byte is under a checksum, but for the handles and padding of the footer."""
    file = copied.with_name(copied.name + ending)
    good = file.read_bytes()
    size = len(good) - 48 * (ending == '.index')
    for place in range(0, size, 97):
        bad = bytearray(good)
        bad[place] ^= 4
        file.write_bytes(bad)
        with pytest.raises(ValueError, match=r'model\.ckpt'):
            load_tensorflow(copied)


def test_the_old_format_is_named():
    with pytest.raises(ValueError, match=r'v1\.ckpt: not .* old format V1'):
        load_tensorflow(DATA / 'v1.ckpt')


def test_a_frozen_graph_is_named(tmp_path):
    (tmp_path / 'frozen_inference_graph.pb').write_bytes(b'\n\x10' * 50)
    with pytest.raises(ValueError, match='Frozen graphs'):
        load_tensorflow(tmp_path / 'frozen_inference_graph.pb')


def test_checksum_of_an_example_of_the_standard():
    assert crc32c(bytes(range(32))) == 0x46DD794E  # RFC 3720, appendix B.4


@pytest.mark.parametrize('size', [0, 9, 63, 64, 65, 127, 1000, 4096 * 64 + 5, 700_001])
def test_checksum_by_the_definition(size):
    data = np.random.default_rng(size).bytes(size)
    crc, table = 0xFFFFFFFF, []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 * (value & 1))
        table.append(value)
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


def test_an_index_of_several_blocks_is_read(tmp_path):
    for file in (DATA / 'many').glob('*.gz'):
        (tmp_path / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    # block_size of TensorFlow's table options
    assert (tmp_path / 'many.ckpt.index').stat().st_size > 262144
    names = [f'{i}_' + 'long' * 75 for i in range(1000)]
    values = {name: value_of(name, (i % 4,)) for i, name in enumerate(names)}
    assert_equal(load_tensorflow(tmp_path / 'many.ckpt'), values)
