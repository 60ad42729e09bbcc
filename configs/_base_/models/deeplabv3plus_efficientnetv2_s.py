"""DeepLab v3+ on timm's EfficientNetV2-S at output stride 16.

`EfficientNetV2 <https://arxiv.org/abs/2104.00298>`_; mean and deviation are those of
timm's weights, which are TensorFlow's. The head is the paper's.
"""

_base_ = ['./deeplabv3plus_mobilenetv4_s.py']
model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(
        model_name='tf_efficientnetv2_s',
        output_stride=16,
        drop_path_rate=0.2,
        init_cfg=dict(checkpoint='hf://timm/tf_efficientnetv2_s.in21k_ft_in1k'),
    ),
    decode_head=dict(
        in_channels=256,
        channels=256,
        c1_in_channels=48,
        c1_channels=48,
        num_convs=2,
        dilations=(1, 6, 12, 18),
    ),
)
