"""DeepLab v3+ (timm's ConvNeXt V2-T) on ADE20K: https://arxiv.org/abs/1802.02611

4 processes x 4 crops of 512x512, 160k steps, with AdamW in mixed precision.
There is no published result; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_convnextv2_t_ade20k.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_convnextv2_t.py',
    './_base_/datasets/ade20k.py',
    './_base_/schedules/adamw_160k.py',
    './_base_/default_runtime.py',
    './_base_/mixins/amp.py',
]
model = _base_.model_for_data
optim_wrapper = _base_.amp.optim_wrapper
