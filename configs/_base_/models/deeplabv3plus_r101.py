"""DeepLab v3+ on ResNet-101: the pyramid of v3, then a decoder of two 3x3 convolutions.

`DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, section 4.2; not separable, as in its
table 3. MMSegmentation's own form is ``deeplabv3plus_r101_zoo.py``.
"""

_base_ = ['./deeplabv3_r101.py']
model = dict(
    decode_head=dict(
        type='DeepLabV3PlusHead',
        c1_in_channels=256,
        c1_channels=48,
        num_convs=2,
        separable=False,
    )
)
