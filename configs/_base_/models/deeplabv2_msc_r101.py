"""DeepLab v2 on ResNet-101 with multi-scale inputs and max fusion (MSC).

`DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, sections 3.1 and 4.1.2: the weights of
``deeplabv2_r101.py``, shared by three scales. docs/multiscale.md has the options.
"""

_base_ = ['./deeplabv2_r101.py']
model = dict(type='MultiScaleEncoderDecoder', scales=(0.5, 0.75, 1.0))
