"""DeepLab v3+ (Xception-65, separable) on Cityscapes: https://arxiv.org/abs/1802.02611

8 processes x 2 crops of 769x769, 90k steps at output stride 16. The paper reports 78.79
mIoU on val, from ImageNet weights that you have to set
(_base_/models/deeplabv3_x65.py), and 79.14 without image pooling; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_x65_cityscapes.py 8
"""

_base_ = [
    './_base_/models/deeplabv3plus_x65.py',
    './_base_/datasets/cityscapes_769.py',
    './_base_/schedules/deeplabv3plus_30k.py',
    './_base_/default_runtime.py',
]
slow_bn = dict(momentum=3e-4)  # TF's decay 0.9997
model = dict(
    _base_.model_for_data,
    backbone=dict(norm_cfg=slow_bn),
    decode_head=dict(num_classes=_base_.num_classes, norm_cfg=slow_bn),
)
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))  # TF's, not for ResNet
param_scheduler = [dict(_base_.param_scheduler[0], end=90000)]
train_cfg = dict(max_iters=90000, val_interval=9000)
