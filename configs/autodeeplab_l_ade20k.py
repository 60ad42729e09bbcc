"""Auto-DeepLab-L on ADE20K: https://arxiv.org/abs/1901.02985

8 processes x 2 crops of 512x512, 4 million steps from scratch, 44.42 million
parameters. The paper reports 43.98 mIoU on val with several scales; not measured by us.

    tools/dist_train.sh configs/autodeeplab_l_ade20k.py 8
"""

_base_ = './autodeeplab_s_ade20k.py'
model = dict(
    backbone=dict(filters=48),
    decode_head=dict(in_channels=480, c1_in_channels=240),
)
