"""DeepLab v2 (a narrow ResNet-26) on SyntheticStreets: what ``make quickstart`` runs.

https://arxiv.org/abs/1606.00915, small enough for two CPU cores and trained from
scratch: BatchNorm trains, and AdamW with one rate takes the place of the paper's SGD,
which needs a pre-trained backbone. Measured figures: README.md.

    python tools/train.py configs/deeplabv2_r26_synthetic_streets.py
"""

_base_ = [
    './_base_/models/deeplabv2_r101.py',
    './_base_/datasets/synthetic_streets.py',
    './_base_/schedules/deeplabv2_20k.py',
    './_base_/default_runtime.py',
]
max_iters = 1400
model = dict(
    data_preprocessor=dict(size=_base_.crop_size, std=[58.0, 57.0, 57.0]),
    backbone=dict(depth=26, base_channels=8, frozen_bn='none', init_cfg=None),
    decode_head=dict(in_channels=256, num_classes=_base_.num_classes),
)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.006, weight_decay=0.01),
    paramwise_cfg=dict(head_lr_mult=1.0, head_bias_lr_mult=1.0),
    accumulative_counts=1,
)
param_scheduler = [dict(_base_.param_scheduler[0], end=max_iters)]
train_cfg = dict(max_iters=max_iters, val_interval=200)
default_hooks = dict(checkpoint=dict(interval=200, max_keep_ckpts=1))
randomness = dict(seed=0)
