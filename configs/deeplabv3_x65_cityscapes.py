"""DeepLab v3 (Xception-65) on Cityscapes: https://arxiv.org/abs/1802.02611

8 processes x 2 crops of 769x769, 90k steps at output stride 16: the v3+ paper without
its decoder, 77.33 mIoU on val, from ImageNet weights that you have to set
(_base_/models/deeplabv3_x65.py); not measured by us.

    tools/dist_train.sh configs/deeplabv3_x65_cityscapes.py 8
"""

_base_ = [
    './_base_/models/deeplabv3_x65.py',
    './_base_/datasets/cityscapes_769.py',
    './_base_/schedules/deeplabv3plus_30k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))  # TF's, not for ResNet
param_scheduler = [dict(_base_.param_scheduler[0], end=90000)]
train_cfg = dict(max_iters=90000, val_interval=9000)
