"""Panoptic-DeepLab (ResNet-50) on Cityscapes: https://arxiv.org/abs/1911.10194

bowenc0221's recipe: output stride 32, 8 processes x 1 crop of 1025x2049, 90k steps. Its
model zoo reports 59.8 PQ, 28.3 AP and 78.6 mIoU on val; not measured by us.

    tools/dist_train.sh configs/panoptic_deeplab_r50_cityscapes.py 8
"""

_base_ = [
    './_base_/models/panoptic_deeplab_r50.py',
    './_base_/datasets/cityscapes_panoptic_1025.py',
    './_base_/schedules/panoptic_90k.py',
    './_base_/panoptic_runtime.py',
]
model = _base_.model_for_data
