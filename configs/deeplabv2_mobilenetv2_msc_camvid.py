"""DeepLab v2's head on MobileNetV2, three scales, and CamVid.

https://arxiv.org/abs/1606.00915. The papers do not have this combination: multi-scale
inputs around another network than ResNet-101. What we have measured is in
docs/benchmarks.md.

    mmseg-deeplab train deeplabv2_mobilenetv2_msc_camvid
"""

_base_ = ['./deeplabv2_mobilenetv2_camvid.py']
model = dict(type='MultiScaleEncoderDecoder', scales=(0.5, 0.75, 1.0))
