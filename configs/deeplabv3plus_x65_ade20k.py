"""DeepLab v3+ (Xception-65, separable) on ADE20K: https://arxiv.org/abs/1802.02611

8 processes x 2 crops, 150k steps at output stride 16. TF's model zoo reports 45.65 mIoU
on val, evaluated at output stride 8 with six scales and flip, from ImageNet weights
that you have to set (_base_/models/deeplabv3_x65.py); not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_x65_ade20k.py 8
"""

_base_ = [
    './_base_/models/deeplabv3plus_x65.py',
    './_base_/datasets/ade20k.py',
    './_base_/schedules/deeplabv3plus_30k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=2)
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))  # TF's, not for ResNet

param_scheduler = [dict(_base_.param_scheduler[0], end=150000)]
train_cfg = dict(max_iters=150000, val_interval=15000)
