"""DeepLab v3+ (ResNet-101) on ADE20K by Composer's baseline.

https://arxiv.org/abs/1802.02611. 4 processes x 4 crops of 512x512, SGD, poly, 127
epochs of batches of 16, mixed precision, weights V1 of torchvision. Composer reports
44.17 mIoU (val images resized to 512x512); not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_r101_ade20k_composer_sgd.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_r101_composer.py',
    './_base_/datasets/ade20k.py',
    './_base_/schedules/composer_sgd_127e.py',
    './_base_/default_runtime.py',
    './_base_/mixins/amp.py',
]
weights = 'https://download.pytorch.org/models/resnet101-63fe2227.pth'
model = dict(
    _base_.model_for_data,
    backbone=dict(init_cfg=dict(checkpoint=weights)),
)
optim_wrapper = _base_.amp.optim_wrapper
