"""DeepLab v3+ (ResNet-101) on Cityscapes, mixed precision, as in MMSegmentation's zoo.

deeplabv3plus_r101_cityscapes_zoo.py and the mixin amp
(https://arxiv.org/abs/1802.02611); a fixed loss scale of 512. The zoo reports 80.46
mIoU on val; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_r101_cityscapes_zoo_amp.py 4
"""

_base_ = [
    './deeplabv3plus_r101_cityscapes_zoo.py',
    './_base_/mixins/amp.py',
]
optim_wrapper = dict(_base_.amp.optim_wrapper, loss_scale=512.0)
