"""Auto-DeepLab-M on PASCAL VOC 2012: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 513x513, 1.5 million steps from scratch, 21.62 million
parameters. The paper reports 72.78 mIoU on val; not measured by us.

    tools/dist_train.sh configs/autodeeplab_m_voc12aug.py 8
"""

_base_ = './autodeeplab_s_voc12aug.py'
model = dict(
    backbone=dict(filters=32),
    decode_head=dict(in_channels=320, c1_in_channels=160),
)
