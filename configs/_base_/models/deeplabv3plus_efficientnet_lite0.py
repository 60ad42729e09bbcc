"""DeepLab v3+ on timm's EfficientNet-Lite0 at output stride 16.

`EfficientNet <https://arxiv.org/abs/1905.11946>`_ without squeeze-and-excitation, and
with ReLU6; mean and deviation are those of timm's weights, which are TensorFlow's. The
head is that of ``deeplabv3plus_mobilenetv4_s.py``.
"""

_base_ = ['./deeplabv3plus_mobilenetv4_s.py']
model = dict(
    data_preprocessor=dict(mean=[127.5, 127.5, 127.5], std=[127.5, 127.5, 127.5]),
    backbone=dict(
        model_name='tf_efficientnet_lite0',
        output_stride=16,
        init_cfg=dict(checkpoint='hf://timm/tf_efficientnet_lite0.in1k'),
    ),
    decode_head=dict(in_channels=320, c1_in_channels=24, dilations=(1, 6, 12, 18)),
)
