"""DeepLab v3+ (timm's EfficientNet-Lite0) on Cityscapes: https://arxiv.org/abs/1802.02611

4 processes x 2 crops of 512x1024, 80k steps, MMSegmentation's recipe.
There is no published result; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_efficientnet_lite0_cityscapes.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_efficientnet_lite0.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/poly_80k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
