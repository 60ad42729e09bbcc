"""ImageNet classification through mmpretrain: data, loops and what a run needs.

The scope is mmpretrain's; parts of this project carry ``mmseg.`` before their names. A
training counts iterations as all trainings of this project do: 5004 of 256 images are
an epoch.
"""

_base_ = ['../default_runtime.py']
default_scope = 'mmpretrain'
custom_imports = dict(
    imports=['mmseg_deeplab', 'mmpretrain'], allow_failed_imports=False
)
data_root = 'data/imagenet/'
num_classes = 1000
crop_size = 224
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomResizedCrop', scale=crop_size),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='ResizeEdge', scale=256, edge='short'),
    dict(type='CenterCrop', crop_size=crop_size),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=32,  # times 8 GPUs
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='ImageNet', data_root=data_root, split='train', pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='ImageNet', data_root=data_root, split='val', pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1, 5))
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
default_hooks = dict(
    mean_loss=dict(type='mmseg.MeanLossHook'),
    checkpoint=dict(
        type='mmseg.TrustedCheckpointHook', interval=5004, save_best='accuracy/top1'
    ),
    save_on_signal=dict(type='mmseg.SaveOnSignalHook'),
    missed_validation=dict(type='mmseg.MissedValidationHook'),
    visualization=dict(type='VisualizationHook', enable=False),
)
visualizer = dict(type='UniversalVisualizer')
