"""DeepLab v3+ on mmpretrain's ConvNeXt-T, on ADE20K: https://arxiv.org/abs/1802.02611

8 processes x 2 crops of 512x512, 160k steps, the recipe of ConvNeXt
(https://arxiv.org/abs/2201.03545) in mixed precision. There is no published result; not
measured by us.

    tools/dist_train.sh configs/deeplabv3plus_convnext_t_ade20k.py 8
"""

_base_ = [
    './_base_/models/deeplabv3plus_convnext_t.py',
    './_base_/datasets/ade20k.py',
    './_base_/schedules/adamw_convnext_160k.py',
    './_base_/default_runtime.py',
    './_base_/mixins/amp.py',
]
model = _base_.model_for_data
optim_wrapper = _base_.amp.optim_wrapper
train_dataloader = dict(batch_size=2)
