"""DeepLab v2 (ResNet-101) on Cityscapes: https://arxiv.org/abs/1606.00915

8 processes x 1 crop of 512x1024, 20k steps. The paper reports 71.4 mIoU on val with
full images and its CRF; not measured by us.

    tools/dist_train.sh configs/deeplabv2_r101_cityscapes.py 8
"""

_base_ = [
    './_base_/models/deeplabv2_r101.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/deeplabv2_20k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=1)
optim_wrapper = dict(accumulative_counts=1)  # 8 processes are the batch
param_scheduler = [dict(_base_.param_scheduler[0], end=20000)]
train_cfg = dict(max_iters=20000, val_interval=2000)
