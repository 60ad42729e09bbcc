"""Panoptic-DeepLab (MobileNetV3-Large) on Cityscapes: https://arxiv.org/abs/1911.10194

deeplab2's recipe: output stride 16, 8 processes x 1 crop of 1025x2049, 60k steps. It
reports 55.3 PQ, 24.1 AP and 74.5 mIoU on val; not measured by us.

    tools/dist_train.sh configs/panoptic_deeplab_mobilenetv3_cityscapes.py 8
"""

_base_ = [
    './_base_/models/panoptic_deeplab_mobilenetv3.py',
    './_base_/datasets/cityscapes_panoptic_1025.py',
    './_base_/schedules/panoptic_90k.py',
    './_base_/panoptic_runtime.py',
]
model = dict(_base_.model_for_data, grouping=dict(nms_kernel=13))
optim_wrapper = dict(optimizer=dict(lr=2.5e-4))
param_scheduler = [dict(_base_.param_scheduler[0], end=60000)]
train_cfg = dict(max_iters=60000, val_interval=6000)
