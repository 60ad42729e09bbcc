"""Multiply-adds: against others' counts of the same networks, and the v3+ paper."""

import math

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from benchmarks.complexity import complexity, without_training_parts
from mmseg_deeplab.models import set_output_stride

SIZE = (513, 513)


def model_config(load_config, name, output_stride=16, **head):
    cfg = load_config(f'_base_/models/{name}.py').model.to_dict()
    cfg['decode_head'].update(num_classes=21, **head)
    return set_output_stride(cfg, output_stride)


# Counted on other code bases' networks of the same shape (kazuto1011's v3 and v3+),
# convolutions only, with hooks.
@pytest.mark.parametrize(
    'name, output_stride, counted',
    [
        ('deeplabv3_r101', 16, 70_243_498_432),
        ('deeplabv3_r101', 8, 245_775_202_752),
        ('deeplabv3plus_r101', 16, 92_002_474_432),
        ('deeplabv3plus_r101', 8, 267_517_319_616),
    ],
)
def test_counts_what_others_counted(load_config, name, output_stride, counted):
    result = complexity(model_config(load_config, name, output_stride), SIZE)
    assert result.multiply_adds == counted


def test_parameters_are_those_of_the_trained_model(load_config):
    cfg = model_config(load_config, 'deeplabv3_r101')
    assert complexity(cfg, (65, 65)).parameters == 58_040_661  # kazuto1011's


def test_separable_convolutions_are_counted_by_group():
    head = dict(
        type='DeepLabV3Head',
        in_channels=8,
        in_index=0,
        channels=4,
        num_classes=2,
        dilations=(1, 2),
        separable=True,
        image_pooling=False,
        norm_cfg=dict(type='SyncBN'),
    )
    backbone = dict(type='VGG16LargeFOV', output_stride=8)
    base = dict(type='EncoderDecoder', backbone=backbone)
    sizes = [
        complexity(base | dict(decode_head=head | dict(in_channels=512, **more)), SIZE)
        for more in (dict(), dict(dilations=(1,)))
    ]
    h = w = 65
    branch = 9 * 512 + 512 * 4  # depthwise, then pointwise
    fusion = 4 * 4  # one more branch of 4 channels into 4
    difference = sizes[0].multiply_adds - sizes[1].multiply_adds
    assert difference == h * w * (branch + fusion)


def padding_of_space_to_batch(cfg):
    """Count what TF computes on the padding of an atrous convolution.

    TF cuts the map into rate x rate interleaved ones, padded to a common size.
    """
    padded = 0

    def hook(conv, _, out):
        nonlocal padded
        rate = conv.dilation[0] if conv.kernel_size[0] > 1 else 1
        whole = math.prod(math.ceil(side / rate) * rate for side in out.shape[2:])
        padded += (whole - math.prod(out.shape[2:])) * conv.weight.numel()

    with torch.device('meta'):
        model = MODELS.build(without_training_parts(cfg)).eval()
        for module in model.modules():
            if isinstance(module, nn.Conv2d):
                module.register_forward_hook(hook)
        model(torch.empty(1, 3, *SIZE), mode='tensor')
    return padded


# DeepLab v3+, table 5; "B" is 1e9.
@pytest.mark.parametrize(
    'name, separable, paper',
    [
        ('deeplabv3_x65', {}, 68.00),
        ('deeplabv3plus_x65', dict(separable=False), 89.76),
        ('deeplabv3plus_x65', {}, 54.17),
    ],
)
def test_xception_costs_what_the_paper_says(load_config, name, separable, paper):
    cfg = model_config(load_config, name, **separable)
    ours = complexity(cfg, SIZE).multiply_adds + padding_of_space_to_batch(cfg)
    assert ours / 1e9 == pytest.approx(paper, rel=0.005)
