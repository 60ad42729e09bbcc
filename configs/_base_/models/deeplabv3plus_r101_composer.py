"""DeepLab v3+ on ResNet-101 in Composer's form: the zoo's head, torchvision's ResNet.

No deep stem, no auxiliary head, Composer's initializers for the head.
"""

_base_ = ['./deeplabv3plus_r101_zoo.py', '../mixins/composer_init.py']
model = dict(
    backbone=dict(type='ResNet', init_cfg=dict(checkpoint='torchvision://resnet101')),
    decode_head=_base_.composer_init.model.decode_head,
    auxiliary_head=None,
)
