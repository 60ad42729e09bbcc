"""Panoptic-DeepLab on aligned Xception-65 at output stride 32.

`Panoptic-DeepLab <https://arxiv.org/abs/1911.10194>`_ as in bowenc0221's
``panoptic_deeplab_X65_os32_cityscapes.yaml``, on this package's Xception, which is that
of TensorFlow; set ``backbone.init_cfg`` as deeplabv3_x65.py says.
"""

_base_ = ['./panoptic_deeplab_r50.py']
model = dict(
    data_preprocessor=dict(mean=[127.5] * 3, std=[127.5] * 3),  # TF scales to -1..1
    backbone=dict(
        _delete_=True,
        type='AlignedXception',
        depth=65,
        output_stride=32,
        norm_cfg=dict(type='SyncBN', eps=1e-3, momentum=0.01, requires_grad=True),
    ),
    decode_head=dict(low_level_in_channels=(728, 256, 256)),
)
