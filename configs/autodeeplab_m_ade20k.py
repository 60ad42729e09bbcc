"""Auto-DeepLab-M on ADE20K: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 512x512, 4 million steps from scratch, 21.62 million
parameters. The paper reports 42.19 mIoU on val with several scales; not measured by us.

    tools/dist_train.sh configs/autodeeplab_m_ade20k.py 8
"""

_base_ = './autodeeplab_s_ade20k.py'
model = dict(
    backbone=dict(filters=32),
    decode_head=dict(in_channels=320, c1_in_channels=160),
)
