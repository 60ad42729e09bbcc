"""Auto-DeepLab-S on Cityscapes: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 769x769, 1.5 million steps from scratch, 10.15 million
parameters. The paper reports 79.74 mIoU on val with ScheduledDropPath; not measured by
us.

    tools/dist_train.sh configs/autodeeplab_s_cityscapes.py 8
"""

_base_ = [
    './_base_/models/autodeeplab.py',
    './_base_/datasets/cityscapes_769.py',
    './_base_/schedules/autodeeplab_1500k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=2)
