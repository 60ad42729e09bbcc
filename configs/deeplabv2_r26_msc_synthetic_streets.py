"""deeplabv2_r26_synthetic_streets.py with multi-scale inputs and max fusion (MSC).

https://arxiv.org/abs/1606.00915, sections 3.1 and 4.1.2. What we have measured is in
docs/benchmarks.md.

    mmseg-deeplab train deeplabv2_r26_msc_synthetic_streets
"""

_base_ = ['./deeplabv2_r26_synthetic_streets.py']
model = dict(type='MultiScaleEncoderDecoder', scales=(0.5, 0.75, 1.0))
