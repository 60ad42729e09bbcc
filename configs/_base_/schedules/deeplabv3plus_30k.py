"""The recipe of DeepLab v3+, which is the first stage of DeepLab v3.

https://arxiv.org/abs/1802.02611, section 4: "the same training protocol". The weight
decay of 1e-4 is for ResNet; Xception and MobileNetV2 have 4e-5 (comments of train.py in
tensorflow/models, research/deeplab): ``optim_wrapper = dict(optimizer=dict(
weight_decay=4e-5))`` in the leaf.
"""

_base_ = ['./deeplabv3_30k.py']
