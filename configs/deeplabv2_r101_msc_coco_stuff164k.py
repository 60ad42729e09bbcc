"""DeepLab v2 (ResNet-101, three scales) on COCO-Stuff 164k.

https://arxiv.org/abs/1606.00915. One process, 10 crops of 321x321, 100k steps.
kazuto1011/deeplab-pytorch reports 39.1 mIoU, and 39.7 with the CRF of
configs/crf/voc12_r101.py; not measured by us.

    mmseg-deeplab train deeplabv2_r101_msc_coco_stuff164k
"""

_base_ = ['./deeplabv2_r101_coco_stuff164k.py']
model = dict(type='MultiScaleEncoderDecoder', scales=(0.5, 0.75, 1.0))
