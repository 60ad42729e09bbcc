"""Panoptic-DeepLab (Xception-65) on Cityscapes: https://arxiv.org/abs/1911.10194

bowenc0221's recipe: output stride 32, 8 processes x 1 crop of 1025x2049, 90k steps. Its
model zoo reports 61.8 PQ, 31.7 AP and 79.6 mIoU on val, from ImageNet weights that you
have to set (_base_/models/panoptic_deeplab_x65.py); not measured by us.

    tools/dist_train.sh configs/panoptic_deeplab_x65_cityscapes.py 8
"""

_base_ = [
    './_base_/models/panoptic_deeplab_x65.py',
    './_base_/datasets/cityscapes_panoptic_1025.py',
    './_base_/schedules/panoptic_90k.py',
    './_base_/panoptic_runtime.py',
]
model = _base_.model_for_data
