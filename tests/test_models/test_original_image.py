"""The image that a CRF sees is the photograph, at its own size."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmseg.registry import MODELS
from PIL import Image

from mmseg_deeplab.models.segmentors.original_image import original_image

RGB = np.random.default_rng(0).integers(0, 256, (18, 25, 3), dtype=np.uint8)
CHANNELS_FIRST = torch.from_numpy(RGB).permute(2, 0, 1)
LOAD = dict(type='LoadCheckedImage')
PACK = dict(type='PackSegInputs')
HORIZONTAL = dict(type='RandomFlip', prob=1.0, direction='horizontal')
VERTICAL = dict(type='RandomFlip', prob=1.0, direction='vertical')
HALF = dict(type='Resize', scale_factor=0.5)


@pytest.fixture
def photo(tmp_path) -> Path:
    """Write the image without loss."""
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), RGB[..., ::-1])
    return path


def preprocessor(**options):
    return MODELS.build(dict(type='SegDataPreProcessor', **options))


def network_input(path: Path | str, *steps: dict, **options):
    """Return what the network gets of a file, its sample, and the preprocessor."""
    prepare = preprocessor(**options)
    data = Compose([LOAD, *steps, PACK])(dict(img_path=str(path)))
    batch = dict(inputs=[data['inputs']], data_samples=[data['data_samples']])
    batch = prepare(batch, False)
    return batch['inputs'][0], batch['data_samples'][0].metainfo, prepare


MEANS = [
    dict(mean=[104.008, 116.669, 122.675], std=[1.0, 1.0, 1.0]),
    dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True),
    dict(),
    dict(bgr_to_rgb=True),
]


@pytest.mark.parametrize('options', MEANS, ids=['caffe', 'rgb', 'raw', 'swapped'])
@pytest.mark.parametrize('steps', [(), (HORIZONTAL,), (VERTICAL,)])
def test_the_network_input_is_undone(photo, options, steps):
    found = original_image(*network_input(photo, *steps, **options))
    assert found.dtype == torch.uint8
    assert torch.equal(found, CHANNELS_FIRST)


@pytest.mark.parametrize('options', MEANS[:2], ids=['caffe', 'rgb'])
@pytest.mark.parametrize('padding', [dict(size=(32, 32)), dict(size_divisor=16)])
def test_padding_is_taken_off(photo, options, padding):
    inputs, metainfo, prepare = network_input(
        photo, HORIZONTAL, test_cfg=padding, **options
    )
    assert inputs.shape == (3, 32, 32)
    assert torch.equal(original_image(inputs, metainfo, prepare), CHANNELS_FIRST)


def test_a_resized_image_is_read_again(photo):
    inputs, metainfo, prepare = network_input(photo, HALF, **MEANS[0])
    assert inputs.shape[1:] == (9, 13)
    assert torch.equal(original_image(inputs, metainfo, prepare), CHANNELS_FIRST)


@pytest.mark.parametrize('orientation', range(1, 9))
def test_exif_orientation_as_in_loading(tmp_path, orientation):
    path = tmp_path / 'photo.jpg'
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(RGB).save(path, quality=95, exif=exif)
    whole = original_image(*network_input(path, **MEANS[0]))
    assert whole.shape[1:] == ((18, 25) if orientation < 5 else (25, 18))
    assert torch.equal(original_image(*network_input(path, HALF, **MEANS[0])), whole)


def test_without_a_sample_the_input_is_the_image():
    prepare = preprocessor(**MEANS[0])
    bgr = CHANNELS_FIRST.flip(0).float()
    inputs = (bgr - prepare.mean) / prepare.std
    assert torch.equal(original_image(inputs, {}, prepare), CHANNELS_FIRST)


def test_another_file_of_that_name_is_refused(photo):
    inputs, metainfo, prepare = network_input(photo, HALF)
    cv2.imwrite(str(photo), RGB[:10])
    with pytest.raises(ValueError, match=r'\(18, 25\).*photo\.png.* is \(10, 25\)'):
        original_image(inputs, metainfo, prepare)


@pytest.mark.parametrize('path', [None, 'nowhere/a.png', 'a.txt'])
def test_a_resized_image_that_is_no_file_is_refused(tmp_path, path):
    if path == 'a.txt':
        path = str(tmp_path / path)
        Path(path).write_text('no image')
    metainfo = dict(ori_shape=(18, 25), img_path=path)
    with pytest.raises(ValueError, match=r'saw \(9, 12\), and img_path=.*Remedy'):
        original_image(torch.zeros(3, 9, 12), metainfo, preprocessor())


@pytest.mark.parametrize('value', [-30.0, 300.0, float('nan')])
def test_values_that_are_no_colours_are_refused(value):
    inputs = torch.zeros(3, 4, 5)
    inputs[1, 2, 3] = value
    with pytest.raises(ValueError, match=r'0\.\.255.*data_preprocessor'):
        original_image(inputs, {}, preprocessor())
    with pytest.raises(ValueError, match='3 channels, received 6'):
        original_image(inputs.repeat(2, 1, 1), {}, preprocessor())


def test_an_image_that_the_pipeline_has_scaled_to_0_1_is_refused():
    inputs = CHANNELS_FIRST / 255.0
    with pytest.raises(ValueError, match=r'scaled to 0\.\.1.*data_preprocessor'):
        original_image(inputs, {}, preprocessor())
