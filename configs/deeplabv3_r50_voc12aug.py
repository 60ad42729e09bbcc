"""DeepLab v3 (ResNet-50, multi-grid) on PASCAL VOC 2012 + SBD.

https://arxiv.org/abs/1706.05587. deeplabv3_r101_voc12aug.py with another depth.
VainF/DeepLabV3Plus-Pytorch reports 76.9 mIoU for ResNet-50, without multi-grid and on
center crops: deeplabv3_r50_voc12aug_vainf.py; not measured by us.

    tools/dist_train.sh configs/deeplabv3_r50_voc12aug.py 4
"""

_base_ = [
    './_base_/models/deeplabv3_r50.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/deeplabv3_30k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=4)  # x 4 processes
