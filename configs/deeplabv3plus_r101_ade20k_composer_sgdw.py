"""DeepLab v3+ (ResNet-101) on ADE20K by Composer's better recipe.

https://arxiv.org/abs/1802.02611. 8 processes x 4 crops of 512x512, decoupled SGDW,
cosine, 128 epochs of batches of 32, mixed precision, weights V2 of torchvision.
Composer reports 45.76 mIoU (val images resized to 512x512); not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_r101_ade20k_composer_sgdw.py 8
"""

_base_ = [
    './_base_/models/deeplabv3plus_r101_composer.py',
    './_base_/datasets/ade20k.py',
    './_base_/schedules/composer_sgdw_128e.py',
    './_base_/default_runtime.py',
    './_base_/mixins/amp.py',
]
weights = 'https://download.pytorch.org/models/resnet101-cd907fc2.pth'
model = dict(
    _base_.model_for_data,
    backbone=dict(init_cfg=dict(checkpoint=weights)),
)
optim_wrapper = _base_.amp.optim_wrapper
