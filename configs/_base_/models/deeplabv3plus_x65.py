"""DeepLab v3+ on aligned Xception-65 with a separable pyramid and decoder.

`DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, table 5, the form that TF released.
"""

_base_ = ['./deeplabv3_x65.py']
model = dict(
    decode_head=dict(
        type='DeepLabV3PlusHead',
        c1_in_channels=256,
        c1_channels=48,
        num_convs=2,
        separable=True,
    )
)
