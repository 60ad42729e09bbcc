"""Reading ``.caffemodel`` files: the format's variants, and what is broken.

The files in tests/data/caffe were written by the protobuf library with caffe.proto.
"""

from pathlib import Path

import numpy as np
import pytest

from mmseg_deeplab.checkpoints import load_caffe

FILES = Path(__file__).parents[1] / 'data' / 'caffe'


@pytest.fixture
def layers() -> dict[str, list[np.ndarray]]:
    rng = np.random.default_rng(0)
    shapes = {
        'conv1': [(4, 3, 7, 7), (4,)],
        'res4b22_branch2c': [(8, 4, 1, 1)],
        'bn_conv1': [(4,), (4,), (1,)],
    }
    return {
        name: [rng.normal(size=shape).astype('f4') for shape in blobs]
        for name, blobs in shapes.items()
    }


@pytest.mark.parametrize('form', ['plain', 'v1', 'v1_old_shape', 'double', 'unpacked'])
def test_every_form_of_the_format_is_read(layers, form):
    state = load_caffe(FILES / f'{form}.caffemodel')
    expected = {
        f'{name}.{i}': b for name, bs in layers.items() for i, b in enumerate(bs)
    }
    assert state.keys() == expected.keys()
    for key, blob in expected.items():
        if form == 'v1_old_shape':
            blob = blob.reshape((1,) * (4 - blob.ndim) + blob.shape)
        np.testing.assert_array_equal(state[key].numpy(), blob)


@pytest.mark.parametrize('keep', [0.1, 0.5, 0.99])
def test_truncated_files_are_named(tmp_path, keep):
    content = (FILES / 'plain.caffemodel').read_bytes()
    file = tmp_path / 'cut.caffemodel'
    file.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(ValueError, match=r'cut\.caffemodel .*not a whole .caffemodel'):
        load_caffe(file)


@pytest.mark.parametrize(
    'content', [b'', b'name: "VGG"\nlayer {}', b'\x00' * 100, b'PK\x03\x04' + bytes(99)]
)
def test_other_files_are_named(tmp_path, content):
    (tmp_path / 'net.prototxt').write_bytes(content)
    with pytest.raises(ValueError, match=r'net\.prototxt'):
        load_caffe(tmp_path / 'net.prototxt')


@pytest.mark.parametrize(
    'name, message',
    [
        ('wrong_shape', r'conv1, blob 0: 1 values for .*\(2, 2\)'),
        ('v0', 'upgrade_net_proto_binary'),  # the oldest format
    ],
)
def test_what_cannot_be_read_is_named(name, message):
    with pytest.raises(ValueError, match=message):
        load_caffe(FILES / f'{name}.caffemodel')
