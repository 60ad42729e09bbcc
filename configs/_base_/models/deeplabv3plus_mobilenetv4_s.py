"""DeepLab v3+ on timm's MobileNetV4-Conv-S: the base of the networks of timm.

`MobileNetV4 <https://arxiv.org/abs/2404.10518>`_ at output stride 32, with half of the
paper's channels in a decoder of one convolution: fewer multiply-adds than
``deeplabv3_mobilenetv2.py``. Channels of another network's maps::

    python -c "import timm; print(timm.create_model('NAME', features_only=True)
    .feature_info.get_dicts(keys=['reduction', 'num_chs']))"
"""

_base_ = ['./deeplabv3plus_convnext_t.py']
model = dict(
    backbone=dict(
        _delete_=True,
        type='TimmBackbone',
        model_name='mobilenetv4_conv_small',
        output_stride=32,
        norm_cfg=_base_.norm_cfg,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='hf://timm/mobilenetv4_conv_small.e2400_r224_in1k',
        ),
    ),
    decode_head=dict(
        in_channels=960,
        in_index=3,
        channels=128,
        c1_in_channels=32,
        c1_channels=32,
        num_convs=1,
    ),
)
