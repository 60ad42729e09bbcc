"""DeepLab v3+ on timm's ConvNeXt V2-T at output stride 16.

`ConvNeXt V2 <https://arxiv.org/abs/2301.00808>`_; the licence of its weights,
CC-BY-NC 4.0, forbids commercial use. The head is the paper's.
"""

_base_ = ['./deeplabv3plus_efficientnetv2_s.py']
model = dict(
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    backbone=dict(
        model_name='convnextv2_tiny',
        init_cfg=dict(checkpoint='hf://timm/convnextv2_tiny.fcmae_ft_in22k_in1k'),
    ),
    decode_head=dict(in_channels=768, c1_in_channels=96),
)
