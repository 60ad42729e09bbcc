"""DeepLab v2 (ResNet-101) on COCO-Stuff 164k: https://arxiv.org/abs/1606.00915

One process, 10 crops of 321x321, 100k steps. kazuto1011/deeplab-pytorch reports 39.1
mIoU with multi-scale inputs (MSC), which this config does not have, and 39.7 with a
CRF; not measured by us.

    mmseg-deeplab train deeplabv2_r101_coco_stuff164k
"""

_base_ = [
    './_base_/models/deeplabv2_r101.py',
    './_base_/datasets/coco_stuff164k.py',
    './_base_/schedules/deeplabv2_20k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
optim_wrapper = dict(accumulative_counts=1)
param_scheduler = [dict(_base_.param_scheduler[0], end=100000)]
train_cfg = dict(max_iters=100000, val_interval=10000)
