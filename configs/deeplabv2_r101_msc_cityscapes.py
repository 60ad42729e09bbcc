"""DeepLab v2 (ResNet-101, three scales) on Cityscapes: https://arxiv.org/abs/1606.00915

8 processes x 1 crop of 512x1024, 20k steps, as deeplabv2_r101_cityscapes.py. There is
no published result for this combination; not measured by us.

    tools/dist_train.sh configs/deeplabv2_r101_msc_cityscapes.py 8
"""

_base_ = ['./deeplabv2_r101_cityscapes.py']
model = dict(type='MultiScaleEncoderDecoder', scales=(0.5, 0.75, 1.0))
