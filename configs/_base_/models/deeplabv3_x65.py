"""DeepLab v3 on aligned Xception-65: the encoder of DeepLab v3+ without its decoder.

`DeepLab v3+ <https://arxiv.org/abs/1802.02611>`_, section 3.2 and table 5; no
multi-grid. There is no public PyTorch file of the ImageNet weights: convert TF's
(``docs/weights.md``) or train them (``docs/pretraining.md``), then set
``backbone.init_cfg``.
"""

norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='LeanEncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5, 127.5, 127.5],  # TF scales to -1..1
        std=[127.5, 127.5, 127.5],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
    ),
    backbone=dict(
        type='AlignedXception',
        depth=65,
        output_stride=16,
        norm_cfg=dict(type='SyncBN', eps=1e-3, requires_grad=True),
    ),
    decode_head=dict(
        type='DeepLabV3Head',
        in_channels=2048,
        in_index=3,
        channels=256,
        num_classes=None,  # set by the leaf
        dilations=(1, 6, 12, 18),
        dropout_ratio=0.1,
        norm_cfg=norm_cfg,
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    train_cfg=dict(),
    test_cfg=dict(mode='whole'),
)
