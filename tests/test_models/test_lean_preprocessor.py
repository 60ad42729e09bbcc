"""Batches are those of MMSegmentation's preprocessor, bit for bit."""

import pytest
import torch
from mmseg.models import SegDataPreProcessor
from small_segmentor import random_images, random_samples, small_segmentor

from mmseg_deeplab.models import LeanPreprocessor

RGB = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)


def batch(dtype=torch.uint8) -> dict:
    """Draw two images of different sizes with labels."""
    images, samples = [], []
    for size in [(9, 7), (6, 11)]:
        image = (random_images(1, size)[0] * 50 + 128).clamp(0, 255)
        images.append(image.to(dtype))
        samples += random_samples(1, size, 4)
    return dict(inputs=images, data_samples=samples)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32])
@pytest.mark.parametrize(
    'settings',
    [
        dict(size=(12, 11), **RGB),
        dict(size_divisor=8, pad_val=3, seg_pad_val=9, **RGB),
        dict(size=(9, 11), mean=[104.0] * 3, std=[1.0] * 3),
        dict(size=(9, 11)),
    ],
)
def test_training_batches_are_those_of_the_base_class(settings, dtype):
    stock, ours = (
        kind(**settings)(batch(dtype), training=True)
        for kind in (SegDataPreProcessor, LeanPreprocessor)
    )
    assert torch.equal(stock['inputs'], ours['inputs'])
    for one, other in zip(stock['data_samples'], ours['data_samples'], strict=True):
        assert one.metainfo == other.metainfo
        assert torch.equal(one.gt_sem_seg.data, other.gt_sem_seg.data)


def test_test_images_are_those_of_the_base_class():
    data = dict(inputs=batch()['inputs'][:1])
    stock, ours = SegDataPreProcessor(**RGB)(data), LeanPreprocessor(**RGB)(data)
    assert torch.equal(stock['inputs'], ours['inputs'])


def test_the_lean_segmentor_has_it():
    segmentor = small_segmentor('LeanEncoderDecoder', num_classes=2)
    assert type(segmentor.data_preprocessor) is LeanPreprocessor
