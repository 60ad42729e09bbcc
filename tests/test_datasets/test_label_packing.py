"""Labels travel as uint8 and arrive as what MMSegmentation's packing gives."""

import numpy as np
import pytest
import torch
from mmseg.datasets.transforms import PackSegInputs
from mmseg.registry import DATASETS, MODELS
from torch.utils.data import DataLoader

from mmseg_deeplab.datasets.transforms import LeanPackSegInputs


def results(dtype=np.uint8) -> dict:
    """Draw an image and its labels, flipped, which numpy holds backwards."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (9, 7, 3), np.uint8)[:, ::-1]
    label = rng.integers(0, 4, (9, 7)).astype(dtype)[:, ::-1]
    label[0] = 255
    return dict(img=image, gt_seg_map=label, img_path='x.jpg', ori_shape=(9, 7))


@pytest.mark.parametrize('padded', [False, True])
def test_the_preprocessor_gives_the_batch_of_the_base_class(padded):
    size = (12, 8) if padded else (9, 7)
    preprocess = MODELS.build(dict(type='SegDataPreProcessor', size=size))
    outputs = []
    for packing in (PackSegInputs(), LeanPackSegInputs()):
        packed = packing.transform(results())
        batch = dict(inputs=[packed['inputs']], data_samples=[packed['data_samples']])
        outputs.append(preprocess(batch, training=True))
    (stock,), (ours,) = (output['data_samples'] for output in outputs)
    assert ours.gt_sem_seg.data.dtype == torch.int64
    assert torch.equal(ours.gt_sem_seg.data, stock.gt_sem_seg.data)
    assert torch.equal(*(output['inputs'] for output in outputs))
    assert ours.metainfo == stock.metainfo


@pytest.mark.parametrize('dtype', [np.int32, np.uint16])
def test_other_labels_are_packed_by_the_base_class(dtype):
    label = LeanPackSegInputs().transform(results(dtype))['data_samples'].gt_sem_seg
    assert label.data.dtype == torch.int64
    assert 'gt_sem_seg' not in LeanPackSegInputs().transform({})['data_samples']


def test_a_worker_sends_one_byte_per_pixel():
    pipeline = [dict(type='LoadCheckedAnnotations'), dict(type='LeanPackSegInputs')]
    cfg = dict(type='SyntheticStreets', num_images=1, size=(64, 128), pipeline=pipeline)
    data = DATASETS.build(cfg | dict(_scope_='mmseg'))
    (sample,) = next(iter(DataLoader(data, num_workers=1, collate_fn=list)))
    label = sample['data_samples'].gt_sem_seg.data
    assert label.dtype == torch.uint8
    assert torch.equal(sample['data_samples'].to('cpu').gt_sem_seg.data, label.long())
