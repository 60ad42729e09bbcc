"""DeepLab v3+ (timm's EfficientNetV2-S) on ADE20K: https://arxiv.org/abs/1802.02611

4 processes x 4 crops of 512x512, 160k steps, MMSegmentation's recipe.
There is no published result; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_efficientnetv2_s_ade20k.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_efficientnetv2_s.py',
    './_base_/datasets/ade20k.py',
    './_base_/schedules/poly_160k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
