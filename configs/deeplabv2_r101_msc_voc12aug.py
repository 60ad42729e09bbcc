"""DeepLab v2 (ResNet-101, three scales) on PASCAL VOC 2012 + SBD, as released.

https://arxiv.org/abs/1606.00915. One process, 1 crop of 321x321 x 10 accumulated, 20k
updates. The paper reports 76.35 mIoU on val, with COCO pre-training, and 77.69 with
``--crf configs/crf/voc12_r101.py``; not measured by us.

    mmseg-deeplab train deeplabv2_r101_msc_voc12aug
"""

_base_ = ['./deeplabv2_r101_voc12aug.py']
model = dict(type='MultiScaleEncoderDecoder', scales=(0.5, 0.75, 1.0))
