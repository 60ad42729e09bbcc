"""Cityscapes with instances as bowenc0221/panoptic-deeplab and deeplab2 train on it.

Crops of 1025x2049, which are the whole image and padding at scale 1; scales from 0.5 to
2, mirroring; Gaussians of 8 pixels, as in the paper. See cityscapes_panoptic.py.
"""

_base_ = './cityscapes_panoptic.py'
crop_size = (1025, 2049)
model_for_data = dict(data_preprocessor=dict(size=crop_size))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadPanopticAnnotations'),
    dict(
        type='RandomResize',
        scale=(2048, 1024),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PadPanopticInputs', size=crop_size[::-1]),
    dict(type='RandomFlip', prob=0.5),
    dict(type='GeneratePanopticTargets', sigma=8),
    dict(type='PackPanopticInputs'),
]
train_dataloader = dict(
    batch_size=1,  # 8 GPUs x 1 = 8
    dataset=dict(pipeline=train_pipeline),
)
