"""DeepLab v3 on torchvision's ResNet-50, in the form of VainF/DeepLabV3Plus-Pytorch.

https://github.com/VainF/DeepLabV3Plus-Pytorch: output stride 16 without multi-grid, the
first block of the dilated stage at the rate before, one 3x3 convolution after the
fusion; its checkpoints, converted, load strictly. That code has no SyncBN.
"""

_base_ = ['./deeplabv3_r50.py']
model = dict(
    data_preprocessor=dict(
        mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True
    ),
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=50,
        strides=(1, 2, 2, 1),
        dilations=(1, 1, 1, 2),
        contract_dilation=True,
        norm_cfg=dict(type='BN', momentum=0.01),
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50'),
    ),
    decode_head=dict(num_convs=1, norm_cfg=dict(type='BN'), align_corners=False),
)
