"""DeepLab v3 (ResNet-101, multi-grid) on Cityscapes: https://arxiv.org/abs/1706.05587

8 processes x 2 crops of 769x769, 90k steps at output stride 16. The paper reports 77.23
mIoU on val; not measured by us.

    tools/dist_train.sh configs/deeplabv3_r101_cityscapes.py 8
"""

_base_ = [
    './_base_/models/deeplabv3_r101.py',
    './_base_/datasets/cityscapes_769.py',
    './_base_/schedules/deeplabv3_30k.py',
    './_base_/default_runtime.py',
]
slow_bn = dict(momentum=3e-4)  # TF's decay 0.9997
model = dict(
    _base_.model_for_data,
    backbone=dict(norm_cfg=slow_bn),
    decode_head=dict(num_classes=_base_.num_classes, norm_cfg=slow_bn),
)
param_scheduler = [dict(_base_.param_scheduler[0], end=90000)]
train_cfg = dict(max_iters=90000, val_interval=9000)
