"""Reading ``.caffemodel`` files: the format's variants, and what is broken."""

import numpy as np
import pytest

from mmseg_deeplab.checkpoints import load_caffe

caffe_proto = pytest.importorskip('caffe_proto', reason='needs protobuf')


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


@pytest.mark.parametrize(
    'options',
    [
        dict(),
        dict(version=1),
        dict(version=1, old_shape=True),
        dict(data='double_data'),
        dict(packed=False),
        dict(raw=True),
    ],
)
def test_every_form_of_the_format_is_read(tmp_path, layers, options):
    state = load_caffe(caffe_proto.write(tmp_path / 'a.caffemodel', layers, **options))
    expected = {
        f'{name}.{i}': b for name, bs in layers.items() for i, b in enumerate(bs)
    }
    assert state.keys() == expected.keys()
    for key, blob in expected.items():
        if 'old_shape' in options:
            blob = blob.reshape((1,) * (4 - blob.ndim) + blob.shape)
        np.testing.assert_array_equal(state[key].numpy(), blob)


@pytest.mark.parametrize('keep', [0.1, 0.5, 0.99])
def test_truncated_files_are_named(tmp_path, layers, keep):
    file = caffe_proto.write(tmp_path / 'cut.caffemodel', layers)
    file.write_bytes(file.read_bytes()[: int(keep * file.stat().st_size)])
    with pytest.raises(ValueError, match=r'cut\.caffemodel .*not a whole .caffemodel'):
        load_caffe(file)


@pytest.mark.parametrize(
    'content', [b'', b'name: "VGG"\nlayer {}', b'\x00' * 100, b'PK\x03\x04' + bytes(99)]
)
def test_other_files_are_named(tmp_path, content):
    (tmp_path / 'net.prototxt').write_bytes(content)
    with pytest.raises(ValueError, match=r'net\.prototxt'):
        load_caffe(tmp_path / 'net.prototxt')


def test_a_shape_that_does_not_fit_is_named(tmp_path, layers):
    classes = caffe_proto.message_classes()
    net = classes['NetParameter']()
    blob = net.layer.add(name='conv1').blobs.add()
    blob.shape.dim.extend([2, 2])
    blob.data.extend([1.0])
    (tmp_path / 'a.caffemodel').write_bytes(net.SerializeToString())
    with pytest.raises(ValueError, match=r'conv1, blob 0: 1 values for .*\(2, 2\)'):
        load_caffe(tmp_path / 'a.caffemodel')


def test_the_oldest_format_is_named(tmp_path):
    net = caffe_proto.message_classes()['NetParameter']()
    net.layers.add().layer.name = 'conv1'
    (tmp_path / 'a.caffemodel').write_bytes(net.SerializeToString())
    with pytest.raises(ValueError, match='upgrade_net_proto_binary'):
        load_caffe(tmp_path / 'a.caffemodel')
