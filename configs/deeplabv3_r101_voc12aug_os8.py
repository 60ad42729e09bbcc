"""DeepLab v3 (ResNet-101) at output stride 8, from the weights at 16.

https://arxiv.org/abs/1706.05587. The second stage: 30k more steps at rates 12, 24, 36
with BatchNorm frozen. The paper reports 78.51 mIoU on val, 79.45 with six scales and
79.77 with flip as well; not measured by us. First train deeplabv3_r101_voc12aug.py.

    tools/dist_train.sh configs/deeplabv3_r101_voc12aug_os8.py 4
"""

_base_ = [
    './_base_/models/deeplabv3_r101.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/deeplabv3_os8_30k.py',
    './_base_/default_runtime.py',
]
model = dict(
    _base_.model_for_data,
    backbone=dict(output_stride=8, frozen_bn='all', init_cfg=None),
    decode_head=dict(
        num_classes=_base_.num_classes, dilations=(1, 12, 24, 36), frozen_bn='all'
    ),
)
train_dataloader = dict(batch_size=4)  # x 4 processes
load_from = 'work_dirs/deeplabv3_r101_voc12aug/iter_30000.pth'
