"""Auto-DeepLab-M on Cityscapes: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 769x769, 1.5 million steps from scratch, 21.62 million
parameters. The paper reports 80.04 mIoU on val; not measured by us.

    tools/dist_train.sh configs/autodeeplab_m_cityscapes.py 8
"""

_base_ = './autodeeplab_s_cityscapes.py'
model = dict(
    backbone=dict(filters=32),
    decode_head=dict(in_channels=320, c1_in_channels=160),
)
