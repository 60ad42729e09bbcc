"""Auto-DeepLab-L on PASCAL VOC 2012: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 513x513, 1.5 million steps from scratch, 44.42 million
parameters. The paper reports 73.76 mIoU on val; not measured by us.

    tools/dist_train.sh configs/autodeeplab_l_voc12aug.py 8
"""

_base_ = './autodeeplab_s_voc12aug.py'
model = dict(
    backbone=dict(filters=48),
    decode_head=dict(in_channels=480, c1_in_channels=240),
)
