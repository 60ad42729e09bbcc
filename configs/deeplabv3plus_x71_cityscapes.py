"""DeepLab v3+ (Xception-71, separable) on Cityscapes: https://arxiv.org/abs/1802.02611

deeplabv3plus_x65_cityscapes.py with a deeper backbone and without image pooling. The
paper reports 79.55 mIoU on val, from ImageNet weights that you have to set
(backbone.init_cfg); not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_x71_cityscapes.py 8
"""

_base_ = './deeplabv3plus_x65_cityscapes.py'
model = dict(backbone=dict(depth=71), decode_head=dict(image_pooling=False))
