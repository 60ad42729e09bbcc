"""Checked loading: sound files as MMSegmentation loads them, broken ones explained."""

import types

import cv2
import numpy as np
import pytest
from mmcv.transforms import LoadImageFromFile
from mmengine.dataset import Compose
from mmseg.apis.utils import _preprare_data
from mmseg.datasets.transforms import LoadAnnotations
from mmseg.registry import TRANSFORMS
from PIL import Image
from predicting import write_raster

from mmseg_deeplab.datasets import LoadCheckedAnnotations, LoadCheckedImage
from mmseg_deeplab.utils.image_files import check_whole

SIZE = (12, 16)


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


@pytest.fixture
def label() -> np.ndarray:
    label = np.random.default_rng(1).integers(0, 5, SIZE, dtype=np.uint8)
    label[0] = 255
    return label


@pytest.fixture
def save(tmp_path):
    """Return a function that saves a label and gives the results of a data set."""

    def save(label, name='label.png', **results) -> dict:
        Image.fromarray(label).save(tmp_path / name)
        return info(tmp_path / name, **results)

    return save


def info(path, **results) -> dict:
    fixed = dict(seg_map_path=str(path), seg_fields=[])
    return dict(reduce_zero_label=False, label_map=None) | fixed | results


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.bmp', '.webp'])
@pytest.mark.parametrize('settings', [{}, {'to_float32': True}])
def test_sound_image_equals_mmcv(tmp_path, image, suffix, settings):
    path = str(tmp_path / f'image{suffix}')
    cv2.imwrite(path, image)
    ours = LoadCheckedImage(**settings)(dict(img_path=path))
    theirs = LoadImageFromFile(**settings)(dict(img_path=path))
    assert ours.keys() == theirs.keys()
    np.testing.assert_array_equal(ours['img'], theirs['img'])
    assert ours['img'].dtype == theirs['img'].dtype
    assert ours['ori_shape'] == ours['img_shape'] == SIZE


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('kept', [0.5, 0.9, -12, -1])
def test_truncated_file_is_named(tmp_path, image, suffix, kept):
    content = cv2.imencode(suffix, image)[1].tobytes()
    path = tmp_path / f'cut{suffix}'
    path.write_bytes(content[: int(len(content) * kept) if kept > 0 else kept])
    with pytest.raises(ValueError, match=rf'cut{suffix}.*truncated.*download'):
        LoadCheckedImage()(dict(img_path=str(path)))
    reason = 'truncated' if suffix == '.png' else 'lossy'
    with pytest.raises(ValueError, match=rf'cut{suffix}.*{reason}'):
        LoadCheckedAnnotations()(info(path))


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
def test_zeros_in_place_of_the_end_are_found(image, suffix):
    content = cv2.imencode(suffix, image)[1].tobytes()
    half = len(content) // 2
    with pytest.raises(ValueError, match='truncated'):
        check_whole(content[:half] + bytes(len(content) - half), 'preallocated')


@pytest.mark.parametrize('suffix', ['.jpg', '.png'])
@pytest.mark.parametrize('tail', [b'\0\0\0', b'ftypmp42' * 50])
def test_bytes_after_the_end_are_no_fault(tmp_path, image, suffix, tail):
    content = cv2.imencode(suffix, image)[1].tobytes()
    path = tmp_path / f'motion{suffix}'
    path.write_bytes(content + tail)
    expected = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    loaded = LoadCheckedImage()(dict(img_path=str(path)))['img']
    np.testing.assert_array_equal(loaded, expected)


@pytest.mark.parametrize(
    'content, reason',
    [
        (b'', r'empty \(0 bytes\)'),
        (b'<html>404</html>', 'web page'),
        (b'version https://git-lfs.github.com/spec/v1\n', 'git lfs pull'),
        (b'just some text', "begins with b'just some text'"),
    ],
)
def test_foreign_file_is_named(tmp_path, content, reason):
    path = tmp_path / 'x.png'
    path.write_bytes(content)
    for load in (LoadCheckedImage(), LoadCheckedAnnotations()):
        with pytest.raises(ValueError, match=rf'x\.png.*{reason}'):
            load(info(path, img_path=str(path)))
    assert LoadCheckedImage(ignore_empty=True)(dict(img_path=str(path))) is None


def test_missing_file_says_what_is_there(tmp_path):
    (tmp_path / 'a.jpg').touch()
    with pytest.raises(FileNotFoundError, match=r"a\.png.*holds 'a.jpg'.*img_suffix"):
        LoadCheckedImage()(dict(img_path=str(tmp_path / 'a.png')))
    with pytest.raises(FileNotFoundError, match=r'folder.*gone.*does not exist'):
        LoadCheckedAnnotations()(info(tmp_path / 'gone' / 'a.png'))


@pytest.mark.parametrize('reduce_zero_label', [False, True])
@pytest.mark.parametrize('label_map', [None, {0: 7, 7: 0, 254: 3, 9: 255}])
def test_sound_label_equals_mmseg(save, reduce_zero_label, label_map):
    label = np.arange(256, dtype=np.uint8).reshape(16, 16)
    settings = dict(reduce_zero_label=reduce_zero_label, label_map=label_map)
    theirs = LoadAnnotations()(save(label, **settings))
    ours = LoadCheckedAnnotations()(save(label, **settings))
    np.testing.assert_array_equal(ours['gt_seg_map'], theirs['gt_seg_map'])
    assert ours['gt_seg_map'].dtype == np.uint8
    assert ours['seg_fields'] == ['gt_seg_map']


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
@pytest.mark.parametrize('bits', [4, 8])
def test_palette_file_loads_as_indices(tmp_path, label, backend, bits):
    indices = np.minimum(label, 15)
    file = Image.fromarray(indices)
    file.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    file.save(tmp_path / 'palette.png', bits=bits)
    loader = LoadCheckedAnnotations(imdecode_backend=backend)
    loaded = loader(info(tmp_path / 'palette.png'))
    np.testing.assert_array_equal(loaded['gt_seg_map'], indices)


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
@pytest.mark.parametrize('depth', [1, 2, 4])
def test_packed_grey_file_loads_as_stored(tmp_path, depth, backend):
    stored = np.random.default_rng(0).integers(0, 2**depth, (4, 8), dtype=np.uint8)
    write_raster(tmp_path / 'l.png', stored[None], driver='PNG', nbits=depth)
    loader = LoadCheckedAnnotations(imdecode_backend=backend)
    loaded = loader(info(tmp_path / 'l.png'))['gt_seg_map']
    np.testing.assert_array_equal(loaded, stored)


def test_16_bit_label_of_small_ids_loads(save, label):
    loaded = LoadCheckedAnnotations(num_classes=5)(save(label.astype(np.uint16)))
    np.testing.assert_array_equal(loaded['gt_seg_map'], label)
    assert loaded['gt_seg_map'].dtype == np.uint8


@pytest.mark.parametrize(
    'broken, name, reason',
    [
        (lambda x: np.dstack([x, x * 9, x]), 'l.png', r'\[0, 0, 0\] \(.*palette'),
        (lambda x: np.dstack([x, x, x]), 'l.png', 'channels are equal'),
        (lambda x: np.dstack([x, x * 9, x, x]), 'l.png', 'RGB.*colour to its class'),
        (lambda x: x.astype(np.uint16) * 300, 'l.png', r'300 \(\d+ pixels\)'),
        (lambda x: x.astype(np.float32), 'l.tif', r'real numbers \(float32\)'),
        (lambda x: x.astype(np.int32) - 1, 'l.tif', r'-1 \(\d+ pixels\)'),
    ],
)
def test_label_that_holds_no_ids_is_named(save, label, broken, name, reason):
    with pytest.raises(ValueError, match=rf'{name}.*{reason}'):
        LoadCheckedAnnotations(num_classes=5)(save(broken(label), name))


@pytest.mark.parametrize('suffix', ['.jpg', '.webp'])
def test_lossy_labels_are_refused_by_their_content(tmp_path, suffix):
    even = np.zeros(SIZE, np.uint8)
    content = cv2.imencode(suffix, even, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes()
    (tmp_path / 'l.png').write_bytes(content)
    with pytest.raises(ValueError, match=r'l\.png: the label is a lossy file'):
        LoadCheckedAnnotations()(info(tmp_path / 'l.png'))


def test_smoothed_borders_are_told_as_the_cause(save):
    label = np.zeros((200, 40), np.uint8)
    label[:, 20:] = 255
    smooth = cv2.GaussianBlur(label, (5, 5), 1)
    with pytest.raises(ValueError, match='borders are smoothed'):
        LoadCheckedAnnotations(num_classes=2)(save(smooth))
    with pytest.raises(ValueError, match='outside') as error:
        LoadCheckedAnnotations(num_classes=2)(save(np.where(label, 9, label)))
    assert 'borders are' not in str(error.value)


def test_out_of_range_values_are_counted(save):
    label = np.zeros(SIZE, np.uint8)
    label[0, :3], label[1, :5], label[2] = 30, 11, 255
    with pytest.raises(ValueError) as error:
        LoadCheckedAnnotations(num_classes=11)(save(label))
    for part in (
        'label.png',
        '11 (5 pixels), 30 (3 pixels).',
        'All values: 0, 11, 30, 255.',
        'num_classes=11; 255 is ignored',
    ):
        assert part in str(error.value)


@pytest.mark.parametrize(
    'label, remedy',
    [
        ([[0, 127], [254, 0]], 'grey levels'),
        ([[0, 33], [7, 26]], 'label_map'),
        ([list(range(100, 112))] * 12, r'107 \(12 pixels\) and 4 more'),
    ],
)
def test_remedy_fits_the_values(save, label, remedy):
    with pytest.raises(ValueError, match=remedy):
        LoadCheckedAnnotations(num_classes=3)(save(np.uint8(label)))


def test_range_is_checked_after_reduce_zero_label(save):
    one_to_five = np.uint8([[0, 1], [4, 5]])
    loader = LoadCheckedAnnotations(num_classes=5)
    loaded = loader(save(one_to_five, reduce_zero_label=True))['gt_seg_map']
    assert loaded.tolist() == [[255, 0], [3, 4]]
    with pytest.raises(ValueError, match=r'5 \(1 pixels\).*reduce_zero_label=True'):
        loader(save(one_to_five))
    with pytest.raises(ValueError, match=r'after reduce_zero_label.*5 \(1 pixels\)'):
        loader(save(one_to_five + 1, reduce_zero_label=True))


@pytest.mark.parametrize(
    'settings, label_map, expected',
    [
        (dict(num_classes=2), {0: 255, 11: 1, 2: 0}, [255, 0, 1]),
        (dict(num_classes=3, ignore_index=11), None, [0, 2, 11]),
        (dict(), None, [0, 2, 11]),  # without num_classes the range is open
        (dict(num_classes=3), None, '11 '),
    ],
)
def test_what_is_in_range(save, settings, label_map, expected):
    loader = LoadCheckedAnnotations(**settings)
    results = save(np.uint8([[0, 2, 11]]), label_map=label_map)
    if isinstance(expected, list):
        assert loader(results)['gt_seg_map'].tolist() == [expected]
    else:
        with pytest.raises(ValueError, match=expected):
            loader(results)


@pytest.mark.parametrize('size, remedy', [((24, 32), 'nearest'), ((16, 12), 'EXIF')])
def test_label_of_another_size_is_named(save, label, size, remedy):
    with pytest.raises(ValueError, match=rf'12x16.*{size[0]}x{size[1]}.*{remedy}'):
        LoadCheckedAnnotations()(save(label, ori_shape=size))


def test_image_may_be_resized_before_the_label_is_loaded(tmp_path, image, label, save):
    cv2.imwrite(str(tmp_path / 'image.png'), image)
    steps = [
        dict(type='LoadCheckedImage'),
        dict(type='Resize', scale=(32, 24)),
        dict(type='LoadCheckedAnnotations', num_classes=5),
    ]
    results = save(label, img_path=str(tmp_path / 'image.png'))
    results = Compose([TRANSFORMS.build(step) for step in steps])(results)
    assert results['img'].shape == (24, 32, 3)
    assert results['gt_seg_map'].shape == SIZE


def test_rendered_sample_is_left_as_it_is_and_checked(image, label):
    results = LoadCheckedImage()(dict(img=image, img_path='street/0.png'))
    results |= dict(gt_seg_map=label, seg_map_path=None)
    results = LoadCheckedAnnotations(num_classes=5)(results)
    assert results['img'] is image
    assert results['gt_seg_map'] is label
    assert results['ori_shape'] == results['img_shape'] == SIZE
    assert results['seg_fields'] == ['gt_seg_map']
    with pytest.raises(ValueError, match=r'street/0\.png.*9 \('):
        LoadCheckedAnnotations(num_classes=5)(results | dict(gt_seg_map=label + 9))


def test_data_set_without_labels_is_an_error():
    results = dict(img_path='a.png', seg_fields=[], reduce_zero_label=False)
    with pytest.raises(ValueError, match=r'a\.png.*seg_map_path'):
        LoadCheckedAnnotations()(results)


def test_conflicting_reduce_zero_label_is_an_error(save, label):
    with pytest.warns(UserWarning, match='deprecated'):
        loader = LoadCheckedAnnotations(reduce_zero_label=True)
    with pytest.raises(ValueError, match=r'reduce_zero_label=True in.*False in the da'):
        loader(save(label))


@pytest.mark.parametrize('num_classes', [0, 256])
def test_num_classes_must_fit_a_label(num_classes):
    with pytest.raises(ValueError, match=f'num_classes={num_classes}'):
        LoadCheckedAnnotations(num_classes=num_classes)


@pytest.mark.parametrize('as_array', [False, True])
def test_test_pipeline_serves_prediction(tmp_path, image, load_config, as_array):
    cv2.imwrite(str(tmp_path / 'image.png'), image)
    # All that MMSegmentation's `inference_model` reads of a model here is its config.
    model = types.SimpleNamespace(cfg=load_config('_base_/datasets/camvid.py'))
    data, _ = _preprare_data(image if as_array else str(tmp_path / 'image.png'), model)
    np.testing.assert_array_equal(data['inputs'][0].permute(1, 2, 0), image)


@pytest.mark.parametrize('length', [8, 20, 26, 40])
def test_a_label_that_ends_in_its_header_is_truncated(tmp_path, length):
    path = tmp_path / 'label.png'
    content = cv2.imencode('.png', np.zeros((9, 9), np.uint8))[1].tobytes()
    path.write_bytes(content[:length])
    with pytest.raises(ValueError, match=r'label\.png: the file is truncated'):
        LoadCheckedAnnotations().transform(dict(seg_map_path=str(path), seg_fields=[]))
