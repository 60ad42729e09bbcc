"""CamVid: classes, palette and files."""

import cv2
import numpy as np

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


def test_images_are_paired_with_their_labels(tmp_path):
    dataset = CamVidDataset(**write(tmp_path, ['b.png', 'a.png']))
    infos = [dataset.get_data_info(index) for index in range(len(dataset))]
    names = [info['img_path'].rsplit('/', 1)[1] for info in infos]
    assert names == ['a.png', 'b.png']
    assert infos[0]['seg_map_path'].endswith('ann_dir/train/a.png')
