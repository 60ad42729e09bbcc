"""A search in Auto-DeepLab's space on SyntheticStreets, small enough for two CPU cores.

https://arxiv.org/abs/1901.02985, section 4, with 5 layers and 2 blocks instead of 12
and 5. An iteration updates the weights, or, after the first 200, the architecture in
turn: 600 in all, where the paper has 40 epochs, of which 20 are the warm-up. Weights:
SGD, cosine from 0.025 to 0.001, weight decay 3e-4. Architecture: Adam, 0.003, weight
decay 1e-3. What to expect: docs/auto_deeplab.md.

    mmseg-deeplab search search/auto_deeplab_synthetic_streets
"""

_base_ = [
    '../_base_/datasets/synthetic_streets.py',
    '../_base_/default_runtime.py',
]
crop_size = (64, 128)
model = dict(
    type='ArchitectureSearchSegmentor',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127.5] * 3,
        std=[127.5] * 3,
        bgr_to_rgb=True,
        size=crop_size,
        seg_pad_val=255,
    ),
    backbone=dict(type='AutoDeepLabSearchNet', num_layers=5, num_blocks=2, filters=4),
    decode_head=dict(
        type='MultiStrideASPPHead',
        in_channels=[8, 16, 32, 64],
        channels=32,
        num_classes=_base_.num_classes,
        dropout_ratio=0,
        norm_cfg=dict(type='BN'),
        align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss', avg_non_ignore=True),
    ),
    test_cfg=dict(mode='whole'),
)
train_dataloader = dict(
    batch_size=4,
    dataset=dict(
        pipeline=[
            *_base_.train_pipeline[:2],
            dict(type='RandomCrop', crop_size=crop_size),
            *_base_.train_pipeline[3:],
        ]
    ),
    sampler=dict(
        _delete_=True, type='AlternatingHalvesSampler', batch_size=4, warmup_iters=200
    ),
)
optim_wrapper = dict(
    constructor='ArchitectureSearchOptimWrapperConstructor',
    weights=dict(optimizer=dict(type='SGD', lr=0.025, momentum=0.9, weight_decay=3e-4)),
    architecture=dict(optimizer=dict(type='Adam', lr=0.003, weight_decay=1e-3)),
)
param_scheduler = dict(
    weights=[
        dict(
            type='CosineAnnealingLR',
            eta_min=0.001,
            begin=0,
            end=600,
            T_max=600,
            by_epoch=False,
        )
    ],
    architecture=[],
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=600, val_interval=600)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='ArchitectureSearchHook')]
