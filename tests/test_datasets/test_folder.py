"""FolderDataset: pairs of files, splits, colours, and what is refused."""

import cv2
import numpy as np
import pytest
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_deeplab.datasets import FolderDataset
from mmseg_deeplab.datasets.scan import scan_dataset
from mmseg_deeplab.utils.class_colors import distinct_colors

COLORS = ((128, 64, 128), (0, 0, 142), (70, 130, 180))
LABELS = 'road 128 64 128\ncar 0 0 142\nsky 70 130 180\nignore 0 0 0\n'
LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
SIZE = (6, 8)


def label(name: str) -> np.ndarray:
    """Give the ids of a file, of its own for each name."""
    rng = np.random.default_rng(list(name.encode()))
    return rng.choice(np.uint8([0, 1, 2, 255]), SIZE)


def paint(ids: np.ndarray) -> np.ndarray:
    """Turn ids into the colours of the class list, BGR."""
    return np.array([*COLORS, *[(0, 0, 0)] * 253], np.uint8)[ids][..., ::-1]


@pytest.fixture
def write(tmp_path):
    """Return a function that writes files of a data set, and the class list."""
    (tmp_path / 'labels.txt').write_text(LABELS)

    def write(*names: str, color: bool = False) -> None:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            ids = label(path.name.split('.')[0].removesuffix('_mask'))
            if name.startswith('images'):
                image = np.zeros((*SIZE, 3), np.uint8)
            else:
                image = paint(ids) if color else ids
            assert cv2.imwrite(str(path), image)

    return write


@pytest.fixture
def build(tmp_path):
    """Return a function that builds the data set of ``tmp_path``."""

    def build(**settings) -> FolderDataset:
        fixed = dict(data_root=str(tmp_path), pipeline=LOAD, serialize_data=False)
        return DATASETS.build(dict(type='FolderDataset') | fixed | settings)

    return build


def stems(dataset: FolderDataset) -> list[str]:
    names = [info['img_path'].rsplit('images/', 1)[1] for info in dataset]
    return [name.rsplit('.', 1)[0] for name in names]


def test_classes_and_palette_are_those_of_the_class_list(write, build, tmp_path):
    write('images/a.jpg', 'labels/a.png')
    meta = build().metainfo
    assert meta['classes'] == ('road', 'car', 'sky')
    assert meta['palette'] == [list(color) for color in COLORS]
    (tmp_path / 'names.json').write_text('["road", "car", "sky"]')
    dataset = build(labels_file='names.json')
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'], label('a'))
    assert dataset.metainfo['palette'] == [*map(list, distinct_colors(3))]


@pytest.mark.parametrize(
    ('stored', 'reduce_zero_label', 'expected'),
    [
        (COLORS, False, COLORS),
        ([[1] * 3, [2] * 3, [3] * 3], False, distinct_colors(3)),  # hard to tell apart
        ([(0, 0, 0), *COLORS], True, COLORS),  # 0 is unlabelled
    ],
)
def test_colours_inside_the_masks_are_used_where_the_list_has_none(
    write, build, tmp_path, stored, reduce_zero_label, expected
):
    write('images/a.jpg')
    (tmp_path / 'labels.txt').write_text('road\ncar\nsky\n')
    mask = Image.fromarray(label('a') + np.uint8(reduce_zero_label))
    mask.putpalette(np.ravel(stored).tolist())
    (tmp_path / 'labels').mkdir()
    mask.save(tmp_path / 'labels/a.png', bits=8)
    dataset = build(reduce_zero_label=reduce_zero_label)
    assert dataset.metainfo['palette'] == [*map(list, expected)]
    np.testing.assert_array_equal(dataset[0]['gt_seg_map'], label('a'))


@pytest.mark.parametrize('color', [False, True])
def test_ids_and_colours_load_alike(write, build, color):
    write('images/a.jpg', 'images/b.jpg', 'labels/a.png')
    write('labels/b.png', color=color)
    for sample, name in zip(build(), 'ab', strict=True):
        np.testing.assert_array_equal(sample['gt_seg_map'], label(name))


def test_suffixes_may_be_mixed(write, build):
    write('images/a.jpg', 'images/b.PNG', 'images/sub/c.d.webp')
    write('labels/a.png', 'labels/b.bmp', 'labels/sub/c.d.tif')
    dataset = build()
    assert stems(dataset) == ['a', 'b', 'sub/c.d']
    for sample, name in zip(dataset, 'abc', strict=True):
        np.testing.assert_array_equal(sample['gt_seg_map'], label(name))


def test_given_suffixes_choose_among_the_files(write, build):
    write('images/a.jpg', 'images/a.bmp', 'images/b.jpg')
    write('labels/a_mask.png', 'labels/b_mask.png', 'labels/b_other.png')
    dataset = build(img_suffix='.jpg', seg_map_suffix='_mask.png')
    assert stems(dataset) == ['a', 'b']
    np.testing.assert_array_equal(dataset[1]['gt_seg_map'], label('b'))


@pytest.mark.parametrize(
    'images, labels, reason',
    [
        (
            ['a.jpg', 'b.jpg', 'c.png'],
            ['a.png', 'x.png', 'sub/b.png'],
            r'2 images have no label.*b\.jpg, c\.png\..*'
            r'2 labels have no image.*sub/b\.png, x\.png\.',
        ),
        (
            [f'{i:02d}.png' for i in range(25)],
            ['x.png'],
            r'25 images.*18\.png, 19\.png and 5 more\.',
        ),
        (['a.jpg', 'a.png'], ['a.png'], r'a\.jpg and a\.png.*img_suffix'),
    ],
)
def test_files_without_partner_are_all_listed(write, build, images, labels, reason):
    write(*[f'images/{name}' for name in images])
    write(*[f'labels/{name}' for name in labels])
    with pytest.raises(ValueError, match=reason):
        build()


def test_unknown_colour_names_file_colour_and_place(write, build, tmp_path):
    write('images/a.jpg')
    image = paint(np.zeros(SIZE, np.uint8))
    image[2, 3] = 9, 8, 7
    (tmp_path / 'labels').mkdir()
    cv2.imwrite(str(tmp_path / 'labels/a.png'), image)
    reason = r'labels/a\.png.*labels\.txt.*\(7, 8, 9\).*row 2, column 3'
    with pytest.raises(ValueError, match=reason):
        build()[0]


def test_splits_are_folders_or_lists(write, build, tmp_path):
    for kind, suffix in (('images', 'jpg'), ('labels', 'png')):
        write(*[f'{kind}/{name}.{suffix}' for name in ('train/a', 'train/b', 'val/c')])
    assert stems(build(split='train')) == ['train/a', 'train/b']
    assert stems(build(split='val')) == ['val/c']
    (tmp_path / 'trainval.txt').write_text('val/c.jpg\n\ntrain/a\n')
    assert stems(build(split='trainval')) == ['val/c', 'train/a']
    with pytest.raises(FileNotFoundError, match=r"'test'.*images/test.*test\.txt"):
        build(split='test')


@pytest.mark.parametrize(
    'text, error, reason',
    [
        ('a\nlost\n', FileNotFoundError, 'lost'),
        ('b\n', ValueError, r'1 images have no label.*b\.jpg'),
        ('a\na.jpg\n', ValueError, 'more than once: a'),
        ('\n', ValueError, 'lists no image'),
    ],
)
def test_wrong_lists_are_explained(write, build, tmp_path, text, error, reason):
    write('images/a.jpg', 'images/b.jpg', 'labels/a.png')
    (tmp_path / 'list.txt').write_text(text)
    with pytest.raises(error, match=reason):
        build(ann_file='list.txt')


@pytest.mark.parametrize(
    'settings, error, reason',
    [
        (dict(ann_file='none.txt'), FileNotFoundError, r'none\.txt.*ann_file'),
        (dict(labels_file='none.txt'), FileNotFoundError, r'none\.txt.*labels_file'),
        (dict(data_prefix=dict(img_path='x')), FileNotFoundError, 'x: no such folder'),
        (dict(img_suffix='.bmp'), FileNotFoundError, r'no file ends in \.bmp'),
        (dict(split='train', ann_file='a.txt'), ValueError, 'both choose images'),
        (dict(metainfo=dict(classes=('a',))), ValueError, r'labels\.txt'),
    ],
)
def test_wrong_settings_are_explained(write, build, settings, error, reason):
    write('images/a.jpg', 'labels/a.png')
    with pytest.raises(error, match=reason):
        build(**settings)


def test_images_without_labels_can_be_predicted(write, build):
    write('images/a.jpg')
    dataset = build(data_prefix=dict(img_path='images'), pipeline=LOAD[:1])
    assert 'seg_map_path' not in dataset[0]
    assert dataset[0]['img'].shape[:2] == SIZE


def test_a_scan_reads_coloured_labels(write, build):
    write('images/a.jpg', 'images/b.png')
    write('labels/a.png', 'labels/b.png', color=True)
    report = scan_dataset(build(), progress=False)
    expected = np.bincount(np.ravel([label('a'), label('b')]), minlength=256)
    np.testing.assert_array_equal(report.pixels, expected)
    assert report.faults == []


@pytest.mark.parametrize(
    'content',
    [
        b'\xef\xbb\xbfb.png\r\ngr\xc3\xbcn\r\n',
        'b.png\r\ngr\u00fcn\r\n'.encode('utf-16'),
        'b\ngru\u0308n.jpg\n'.encode(),
    ],
)
def test_lists_of_any_editor_and_names_in_both_normal_forms(
    write, build, tmp_path, content
):
    write('images/b.png', 'labels/b.png', 'images/gr\u00fcn.jpg', 'images/c.jpg')
    write('labels/gru\u0308n.png', 'labels/c.png')  # as macOS spells it
    (tmp_path / 'list.txt').write_bytes(content)
    dataset = build(ann_file='list.txt')
    assert stems(dataset) == ['b', 'gr\u00fcn']
    expected = label('gru\u0308n')
    np.testing.assert_array_equal(dataset[1]['gt_seg_map'], expected)


def test_a_name_that_is_no_utf_8_is_read(write, build, tmp_path):
    write('images/a.jpg', 'labels/a.png')
    for name in ('images/a.jpg', 'labels/a.png'):
        path = tmp_path / name
        path.rename(path.with_stem('\udcff'))
    (tmp_path / 'list.txt').write_bytes(b'\xff\n')
    assert stems(build(ann_file='list.txt')) == ['\udcff']
    np.testing.assert_array_equal(build()[0]['gt_seg_map'], label('a'))
