"""Auto-DeepLab-S on PASCAL VOC 2012: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 513x513, 1.5 million steps from scratch, 10.15 million
parameters. The paper reports 71.68 mIoU on val; not measured by us.

    tools/dist_train.sh configs/autodeeplab_s_voc12aug.py 8
"""

_base_ = [
    './_base_/models/autodeeplab.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/autodeeplab_1500k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=2)
