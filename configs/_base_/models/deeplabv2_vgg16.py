"""DeepLab v2 on VGG-16: ASPP-L of four fc6-fc7-fc8 branches, summed.

`DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 4.1; no pool5a.
"""

_base_ = ['./deeplabv1_vgg16.py']
model = dict(
    backbone=dict(average_pool=False), decode_head=dict(dilations=(6, 12, 18, 24))
)
