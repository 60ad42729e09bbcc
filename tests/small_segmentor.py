"""Small segmentors with random weights, and random images and labels for them."""

from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.structures import PixelData
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

IGNORED = 255
LAST = dict(in_channels=128, in_index=3)
ALL = dict(in_channels=[16, 32, 64, 128], in_index=[0, 1, 2, 3], channels=8)
HEADS = dict(
    FCNHead=dict(LAST, channels=8, num_convs=1, concat_input=False),
    ASPPHead=dict(LAST, channels=8, dilations=(1, 2, 3)),
    DepthwiseSeparableASPPHead=dict(
        LAST, channels=8, dilations=(1, 2), c1_in_channels=16, c1_channels=6
    ),
    PSPHead=dict(LAST, channels=8, pool_scales=(1, 2)),
    SegformerHead=ALL,
    UPerHead=dict(ALL, pool_scales=(1, 2)),
    ClassifierModule=LAST,
    LargeFOVHead=dict(LAST, channels=8),
    DeepLabV3Head=dict(LAST, channels=8, dilations=(1, 2)),
    DeepLabV3PlusHead=dict(
        LAST, channels=8, dilations=(1, 2), c1_in_channels=16, c1_channels=6
    ),
)


def auxiliary_head(num_classes: int) -> dict:
    """Return the config of a head on the third stage."""
    loss = dict(type='CrossEntropyLoss', loss_weight=0.4)
    third = dict(in_channels=64, in_index=2, num_classes=num_classes, loss_decode=loss)
    return HEADS['FCNHead'] | dict(third, type='FCNHead')


def small_segmentor(
    kind: str,
    head: str = 'ClassifierModule',
    *,
    num_classes: int,
    head_options: dict | None = None,
    frozen_bn: str = 'affine',
    preprocessor: dict | None = None,
    test_cfg: dict | None = None,
    std: float = 1.0,
    **options: Any,
) -> BaseSegmentor:
    """Return a segmentor on a narrow ResNet, in evaluation; the same at each call."""
    torch.manual_seed(0)
    loss = dict(type='CrossEntropyLoss', avg_non_ignore=True)
    decode_head = dict(type=head, num_classes=num_classes, loss_decode=loss)
    backbone = dict(type='ResNetMulti', depth=26, base_channels=4, frozen_bn=frozen_bn)
    model = MODELS.build(
        ConfigDict(
            type=kind,
            data_preprocessor=dict(type='SegDataPreProcessor') | (preprocessor or {}),
            backbone=backbone,
            decode_head=decode_head | HEADS.get(head, LAST) | (head_options or {}),
            test_cfg=dict(mode='whole') | (test_cfg or {}),
            **options,
        )
    )
    for parameter in model.decode_head.parameters():
        if parameter.ndim == 4:
            nn.init.normal_(parameter, std=std)
    return model.eval()


def lineage_state(layer: str) -> dict[str, torch.Tensor]:
    """Return the weights of a narrow R26 with a classifier, by the lineage's names."""
    net = MODELS.build(dict(type='ResNetMulti', depth=26, base_channels=4))
    head = MODELS.build(dict(type='ClassifierModule', num_classes=3, **LAST))
    return net.state_dict() | {f'{layer}.{k}': v for k, v in head.state_dict().items()}


def like_trained(model: nn.Module, *, affine: bool = True) -> nn.Module:
    """Give each BatchNorm statistics, and factors, of a trained network."""
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            if affine:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, std=0.1)
            nn.init.normal_(module.running_mean, std=0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    model.eval()  # MMSegmentation's method may return None
    return model


def random_images(count: int, size: tuple[int, int]) -> torch.Tensor:
    """Return normalised images ``(N, 3, H, W)``."""
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, *size, generator=generator)


def random_samples(
    count: int, size: tuple[int, int], num_classes: int
) -> list[SegDataSample]:
    """Return samples with random labels, a fifth of them ignored."""
    generator = torch.Generator().manual_seed(2)
    samples = []
    for _ in range(count):
        labels = torch.randint(0, num_classes, (1, *size), generator=generator)
        labels[torch.rand(labels.shape, generator=generator) < 0.2] = IGNORED
        samples.append(SegDataSample(metainfo=dict(img_shape=size, ori_shape=size)))
        samples[-1].gt_sem_seg = PixelData(data=labels)
    return samples
