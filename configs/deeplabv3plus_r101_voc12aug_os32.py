"""DeepLab v3+ (ResNet-101) trained at output stride 32.

https://arxiv.org/abs/1802.02611. deeplabv3plus_r101_voc12aug.py for less memory: rates
3, 6, 9. The paper reports 77.37 mIoU on val, 77.80 evaluated at output stride 16; not
measured by us.

    tools/dist_train.sh configs/deeplabv3plus_r101_voc12aug_os32.py 4
"""

_base_ = './deeplabv3plus_r101_voc12aug.py'
model = dict(
    backbone=dict(output_stride=32),
    decode_head=dict(dilations=(1, 3, 6, 9)),
)
