"""DeepLab v3+ on ResNet-50 as in MMSegmentation's zoo; its checkpoints load strictly.

MMSegmentation's ``deeplabv3plus_r50-d8.py``: ``DepthwiseSeparableASPPHead`` with 512
channels.
"""

_base_ = ['./deeplabv3_r50_zoo.py']
model = dict(
    decode_head=dict(
        type='DepthwiseSeparableASPPHead', c1_in_channels=256, c1_channels=48
    )
)
