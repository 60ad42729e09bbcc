"""DeepLab v2 (a narrow ResNet-26) on SyntheticStreets: what ``make quickstart`` runs.

https://arxiv.org/abs/1606.00915, small enough for two CPU cores and trained from
scratch. What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train deeplabv2_r26_synthetic_streets
"""

_base_ = [
    './_base_/models/deeplabv2_r101.py',
    './_base_/datasets/synthetic_streets.py',
    './_base_/default_runtime.py',
    './_base_/mixins/fast.py',
    './_base_/schedules/scratch_adamw_cosine.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size, std=[58.0, 57.0, 57.0]),
    backbone=dict(depth=26, base_channels=8, frozen_bn='none', init_cfg=None),
    decode_head=dict(in_channels=256, num_classes=_base_.num_classes),
)
train_dataloader = dict(batch_size=4)
custom_hooks = _base_.fast.custom_hooks  # channels_last
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
