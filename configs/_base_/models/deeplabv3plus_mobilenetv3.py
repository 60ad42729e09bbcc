"""DeepLab v3+ on MobileNetV3-Large: a separable pyramid and decoder."""

_base_ = ['./deeplabv3_mobilenetv3.py']
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
