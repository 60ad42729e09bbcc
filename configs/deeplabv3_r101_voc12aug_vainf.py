"""DeepLab v3 (ResNet-101) as in VainF/DeepLabV3Plus-Pytorch.

https://arxiv.org/abs/1706.05587. One process, 16 crops of 513x513, 30k steps at output
stride 16. deeplabv3_r50_voc12aug_vainf.py with a deeper backbone. They report 77.3 mIoU
on 513x513 center crops of val; not measured by us.

    mmseg-deeplab train deeplabv3_r101_voc12aug_vainf
"""

_base_ = './deeplabv3_r50_voc12aug_vainf.py'
model = dict(
    backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101'))
)
