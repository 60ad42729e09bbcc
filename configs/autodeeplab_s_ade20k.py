"""Auto-DeepLab-S on ADE20K: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 512x512, 4 million steps from scratch, 10.15 million
parameters. The paper reports 40.69 mIoU on val with several scales; not measured by us.
(Its crops are of 513x513.)

    tools/dist_train.sh configs/autodeeplab_s_ade20k.py 8
"""

_base_ = [
    './_base_/models/autodeeplab.py',
    './_base_/datasets/ade20k.py',
    './_base_/schedules/autodeeplab_1500k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=2)
param_scheduler = [dict(_base_.param_scheduler[0], end=4000000)]
train_cfg = dict(max_iters=4000000)
