"""A network of four convolutions with all that makes an export difficult."""

from typing import Any

import torch
from mmengine.config import ConfigDict
from mmengine.model import BaseModule
from mmseg.models.segmentors import BaseSegmentor
from mmseg.registry import MODELS
from small_segmentor import HEADS, like_trained
from torch import Tensor, nn

from mmseg_deeplab.inference.exported import ExportMetadata

CLASSES = ('road', 'sky', 'tree')


class Trunk(BaseModule):
    """Stride 4, BatchNorm, and a pool that rounds up."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=2, dilation=2, bias=False)
        self.bn2 = nn.BatchNorm2d(16)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        x = self.pool(self.bn1(self.conv1(x)).relu())
        return (self.bn2(self.conv2(x)).relu(),)


def tiny_segmentor(
    *,
    align_corners: bool = True,
    num_classes: int = len(CLASSES),
    out_channels: int | None = None,
    test_cfg: dict | None = None,
    **preprocessor: Any,
) -> BaseSegmentor:
    """Build it with random weights and statistics, in evaluation.

    Other arguments go to the preprocessor.
    """
    normalise = dict(mean=[104.0, 117.0, 123.0], std=[50.0, 60.0, 70.0])
    padding = dict(pad_val=0, seg_pad_val=255)
    cfg = ConfigDict(
        type='LeanEncoderDecoder',
        data_preprocessor=dict(
            type='SegDataPreProcessor', **padding, **normalise | preprocessor
        ),
        backbone=dict(type=Trunk),
        decode_head=HEADS['FCNHead']
        | dict(
            type='FCNHead',
            in_channels=16,
            in_index=0,
            dropout_ratio=0,
            num_classes=num_classes,
            out_channels=out_channels,
            norm_cfg=dict(type='BN'),
            align_corners=align_corners,
        ),
        test_cfg=test_cfg or dict(mode='whole'),
    )
    torch.manual_seed(0)
    model = like_trained(MODELS.build(cfg), affine=False)
    nn.init.normal_(model.decode_head.conv_seg.weight)
    return model


def metadata(output: str = 'labels', **changes: Any) -> ExportMetadata:
    """Return the metadata of such a network."""
    given = dict(
        classes=CLASSES,
        palette=[[128, 64, 128], [70, 130, 180], [107, 142, 35]],
        output=output,
        config='tiny',
        mean=[104.0, 117.0, 123.0],
        std=[50.0, 60.0, 70.0],
        channels='BGR',
        size_divisor=1,
        align_corners=True,
    )
    return ExportMetadata(**given | changes)
