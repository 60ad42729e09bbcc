"""CamVid: classes, palette and the suffix of its images."""

import cv2
import numpy as np
import pytest

from mmseg_deeplab.datasets import CamVidDataset


def write(folder, names) -> dict:
    """Write images with their labels, and return the data set's settings."""
    for kind in ('img_dir', 'ann_dir'):
        (folder / kind / 'train').mkdir(parents=True, exist_ok=True)
    for name in names:
        cv2.imwrite(str(folder / 'img_dir/train' / name), np.zeros((4, 6, 3), np.uint8))
        label = folder / 'ann_dir/train' / f'{name[:-4]}.png'
        cv2.imwrite(str(label), np.ones((4, 6), np.uint8))
    prefix = dict(img_path='img_dir/train', seg_map_path='ann_dir/train')
    # Serialising collects garbage, which takes half a second.
    return dict(data_root=str(folder), data_prefix=prefix, serialize_data=False)


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_both_suffixes_load(tmp_path, suffix):
    dataset = CamVidDataset(**write(tmp_path, [f'b{suffix}', f'a{suffix}']))
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    assert [info['img_path'].rsplit('/', 1)[1] for info in infos] == [
        f'a{suffix}',
        f'b{suffix}',
    ]
    assert infos[0]['seg_map_path'].endswith('ann_dir/train/a.png')


def test_mixed_suffixes_must_be_named(tmp_path):
    settings = write(tmp_path, ['a.png', 'b.jpg'])
    with pytest.raises(ValueError, match=r"\.jpg and \.png.*img_suffix='\.png'"):
        CamVidDataset(**settings)
    assert len(CamVidDataset(img_suffix='.jpg', **settings)) == 1


def test_folders_without_images_are_an_error(tmp_path):
    prefix = dict(img_path='img_dir/train', seg_map_path='ann_dir/train')
    with pytest.raises(FileNotFoundError, match=r'img_dir/train.*convert-camvid'):
        CamVidDataset(data_root=str(tmp_path), data_prefix=prefix)
    with pytest.raises(FileNotFoundError, match=r'\.png or \.jpg'):
        CamVidDataset(**write(tmp_path, []))
