"""A small Panoptic-DeepLab of three classes, of which the last two are things."""

from pathlib import Path

import torch
from mmengine.structures import PixelData
from mmseg.registry import MODELS

CLASSES = ('road', 'car', 'person')
PALETTE = [[128, 64, 128], [0, 0, 142], [220, 20, 60]]
NORM = dict(type='BN')
COLOURS = dict(mean=[127.5] * 3, std=[60.0] * 3, bgr_to_rgb=True)
HEAD = dict(
    type='PanopticDeepLabHead',
    in_channels=128,
    in_index=3,
    channels=16,
    num_classes=3,
    dilations=(1, 6, 12, 18),
    low_level_in_channels=(32, 16),
    low_level_channels=(8, 8),
    instance_low_level_channels=(8, 4),
    decoder_channels=16,
    instance_decoder_channels=16,
    instance_head_channels=8,
    norm_cfg=NORM,
)
BACKBONE = dict(
    type='ResNetMulti', depth=26, base_channels=4, output_stride=16, frozen_bn='none'
)


def network_config(head=(), **options) -> dict:
    """Return the config of the network, with other settings where they are given."""
    cfg = dict(
        type='PanopticDeepLab',
        thing_classes=(1, 2),
        data_preprocessor=dict(
            type='SegDataPreProcessor', pad_val=0, seg_pad_val=255, **COLOURS
        ),
        backbone=dict(BACKBONE),
        decode_head=HEAD | dict(head),
        test_cfg=dict(mode='whole'),
    )
    return cfg | options


def random_targets(shape: tuple[int, int]) -> PixelData:
    """Return targets of the shapes that ``PackPanopticInputs`` gives them."""
    one = torch.rand(1, *shape)
    return PixelData(
        center=one,
        center_weight=one,
        offset=one.expand(2, -1, -1),
        offset_weight=one,
        semantic_weight=one,
    )


def write_model(folder: Path, **options) -> list[str]:
    """Write a config and a checkpoint with random weights; return both paths."""
    config, checkpoint = folder / 'panoptic.py', folder / 'panoptic.pth'
    cfg = network_config(**options)
    load = [dict(type='LoadCheckedImage'), dict(type='PackSegInputs')]
    test = dict(dataset=dict(type='BaseSegDataset', pipeline=load))
    config.write_text(
        f"default_scope = 'mmseg'\nmodel = {cfg!r}\ntest_dataloader = {test!r}\n"
        "custom_imports = dict(imports=['mmseg_deeplab'])\n"
    )
    torch.manual_seed(0)
    model = MODELS.build(cfg)
    for name, value in model.named_parameters():  # outputs that differ by pixel
        if name.endswith(('conv_seg.weight', 'center.weight', 'offset.weight')):
            value.data.normal_()
        if name.endswith('center.bias'):
            value.data.fill_(3)
    meta = dict(dataset_meta=dict(classes=CLASSES, palette=PALETTE))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), checkpoint)
    return [str(config), str(checkpoint)]
