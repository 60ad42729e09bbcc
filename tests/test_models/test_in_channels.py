"""Backbones for images of any number of channels, and their initial weights."""

import pytest
import torch
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from timm.models import adapt_input_conv

from mmseg_deeplab.checkpoints.pretrained import adapt_first_layer
from mmseg_deeplab.models import BandPreprocessor
from mmseg_deeplab.utils.errors import InputError


@pytest.mark.parametrize('channels', [1, 2, 4, 13])
def test_initial_weights_are_adapted_as_timm_does(channels):
    weight = torch.randn(8, 3, 3, 3)
    own = {'stem.weight': weight, 'other.weight': torch.randn(4, 3, 1, 1)}
    wanted = dict(own, **{'stem.weight': torch.empty(8, channels, 3, 3)})
    assert adapt_first_layer(own, wanted) == ['stem.weight']
    torch.testing.assert_close(own['stem.weight'], adapt_input_conv(channels, weight))


def test_a_pretrained_file_of_colours_starts_a_network_of_bands(tmp_path):
    settings = dict(type='DeepLabMobileNetV2', widen_factor=0.25)
    colour = MODELS.build(settings)
    torch.save(colour.state_dict(), tmp_path / 'a.pth')
    start = dict(type='Pretrained', checkpoint=str(tmp_path / 'a.pth'))
    grey = MODELS.build(dict(settings, in_channels=1, init_cfg=start))
    grey.init_weights()
    image = torch.randn(1, 1, 33, 33)
    expected = colour.eval()(image.expand(-1, 3, -1, -1))
    found = grey.eval()(image)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('channels', [3, 13])
@pytest.mark.parametrize('training', [False, True])
def test_the_preprocessor_normalises_each_band_and_exchanges_none(channels, training):
    mean, std = torch.arange(channels) * 10.0, torch.arange(channels) + 1.0
    preprocessor = BandPreprocessor(mean.tolist(), std.tolist(), size=(12, 12))
    image = torch.rand(channels, 8, 9) * 255
    sample = SegDataSample(metainfo=dict(img_shape=(8, 9)))
    batch = dict(inputs=[image.clone()], data_samples=[sample])
    found = preprocessor(batch, training)['inputs'][0]
    expected = (image - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)
    torch.testing.assert_close(found[:, :8, :9], expected)
    assert found.shape[1:] == ((12, 12) if training else (8, 9))


def test_as_many_deviations_as_means():
    with pytest.raises(InputError, match='as many'):
        BandPreprocessor([1.0, 2.0], [1.0])
