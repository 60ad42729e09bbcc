"""DeepLab v3+ (Xception-65) with plain convolutions in the head.

https://arxiv.org/abs/1802.02611. deeplabv3plus_x65_voc12aug.py with a pyramid and a
decoder of plain 3x3 convolutions. The paper reports 79.93 mIoU on val, 81.44 with six
scales and flip, for 1.7 times the multiply-adds; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_x65_voc12aug_nonseparable.py 4
"""

_base_ = './deeplabv3plus_x65_voc12aug.py'
model = dict(decode_head=dict(separable=False))
