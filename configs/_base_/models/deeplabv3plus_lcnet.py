"""DeepLab v3+ on timm's LCNet at output stride 16.

`PP-LCNet <https://arxiv.org/abs/2109.15099>`_, made for CPUs; the head is that of
``deeplabv3plus_mobilenetv4_s.py``.
"""

_base_ = ['./deeplabv3plus_mobilenetv4_s.py']
model = dict(
    backbone=dict(
        model_name='lcnet_100',
        output_stride=16,
        init_cfg=dict(checkpoint='hf://timm/lcnet_100.ra2_in1k'),
    ),
    decode_head=dict(in_channels=512, c1_in_channels=64, dilations=(1, 6, 12, 18)),
)
