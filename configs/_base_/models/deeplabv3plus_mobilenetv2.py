"""DeepLab v3+ on MobileNetV2: a separable pyramid and decoder on the TF dilation rule.

The low level is the 24-channel stage at stride 4
(`DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_ for the head).
"""

_base_ = ['./deeplabv3_mobilenetv2.py']
model = dict(
    decode_head=dict(
        type='DeepLabV3PlusHead',
        dilations=(1, 6, 12, 18),
        c1_in_channels=24,
        c1_channels=48,
        num_convs=2,
        separable=True,
    )
)
