"""DeepLab v3 (ResNet-101, multi-grid) on PASCAL VOC 2012 + SBD.

https://arxiv.org/abs/1706.05587. 4 processes x 4 crops of 513x513, 30k steps at output
stride 16: the first stage of the paper's training. It reports 77.21 mIoU on val; the
second stage is deeplabv3_r101_voc12aug_os8.py; not measured by us.

    tools/dist_train.sh configs/deeplabv3_r101_voc12aug.py 4
"""

_base_ = [
    './_base_/models/deeplabv3_r101.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/deeplabv3_30k.py',
    './_base_/default_runtime.py',
]
slow_bn = dict(momentum=3e-4)  # TF's decay 0.9997
model = dict(
    _base_.model_for_data,
    backbone=dict(norm_cfg=slow_bn),
    decode_head=dict(num_classes=_base_.num_classes, norm_cfg=slow_bn),
)
train_dataloader = dict(batch_size=4)  # x 4 processes
