"""DeepLab v3+ (ResNet-50) as in VainF/DeepLabV3Plus-Pytorch.

https://arxiv.org/abs/1802.02611. One process, 16 crops of 513x513, 30k steps at output
stride 16. deeplabv3_r50_voc12aug_vainf.py and a decoder of one 3x3 convolution. They
report 77.2 mIoU on 513x513 center crops of val; not measured by us.

    mmseg-deeplab train deeplabv3plus_r50_voc12aug_vainf
"""

_base_ = './deeplabv3_r50_voc12aug_vainf.py'
model = dict(
    decode_head=dict(
        type='DeepLabV3PlusHead', c1_in_channels=256, c1_channels=48, separable=False
    )
)
