"""DeepLab v3+ (timm's EfficientNetV2-S) on Cityscapes: https://arxiv.org/abs/1802.02611

4 processes x 2 crops of 512x1024, 80k steps, MMSegmentation's recipe.
There is no published result; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_efficientnetv2_s_cityscapes.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_efficientnetv2_s.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/poly_80k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
