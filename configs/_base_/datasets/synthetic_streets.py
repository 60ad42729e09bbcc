"""SyntheticStreets: 128x256 street scenes in 8 classes, drawn when they are needed; 800
to train, 100 to validate and to test. Nothing is on disk.

A training scene is drawn once and kept (160 kB); all splits come from ``seed=0``.
"""

dataset_type = 'SyntheticStreets'
num_classes = 8
image_size = (128, 256)  # rows, columns
crop_size = (128, 256)
# What a network must know of these data: a leaf says model = _base_.model_for_data.
model_for_data = dict(
    data_preprocessor=dict(size=crop_size), decode_head=dict(num_classes=num_classes)
)
# No random scales: the scenes come in many, and a short training has no use for more.
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=num_classes),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='LeanPackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=num_classes),
    dict(type='LeanPackSegInputs'),
]
img_ratios = [0.5, 0.75, 1.0, 1.25, 1.5, 1.75]
tta_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(
        type='TestTimeAug',
        transforms=[
            [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in img_ratios],
            [
                dict(type='RandomFlip', prob=0.0, direction='horizontal'),
                dict(type='RandomFlip', prob=1.0, direction='horizontal'),
            ],
            [dict(type='LoadCheckedAnnotations', num_classes=num_classes)],
            [dict(type='LeanPackSegInputs')],
        ],
    ),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=1,  # each worker keeps the scenes it has drawn
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        split='train',
        num_images=800,
        size=image_size,
        cache=True,  # 130 MB
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        split='val',
        num_images=100,
        size=image_size,
        cache=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SegmentationMetric')
test_evaluator = val_evaluator
