"""DeepLab v3+ (ResNet-101) on PASCAL VOC 2012 + SBD: https://arxiv.org/abs/1802.02611

4 processes x 4 crops of 513x513, 30k steps at output stride 16. The paper reports 78.85
mIoU on val, 79.35 evaluated at output stride 8 (`--output-stride 8`) and
80.57 with six scales and flip as well; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_r101_voc12aug.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_r101.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/deeplabv3plus_30k.py',
    './_base_/default_runtime.py',
]
slow_bn = dict(momentum=3e-4)  # TF's decay 0.9997
model = dict(
    _base_.model_for_data,
    backbone=dict(norm_cfg=slow_bn),
    decode_head=dict(num_classes=_base_.num_classes, norm_cfg=slow_bn),
)
train_dataloader = dict(batch_size=4)  # x 4 processes
