"""PASCAL VOC 2012 with SBD as DeepLab v3 and v3+ train on it: crops of 513x513, batches
of 16.

https://arxiv.org/abs/1706.05587, section 4.1: scales from 0.5 to 2, mirroring. The
authors' code draws the scale in steps of 0.25 (tensorflow/models,
research/deeplab/train.py, ``scale_factor_step_size``) and relative to the image's own
size. Evaluation, at the images' own size, and preparation: voc12aug.py.
"""

_base_ = './voc12aug.py'
crop_size = (513, 513)
model_for_data = dict(data_preprocessor=dict(size=crop_size))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=_base_.num_classes),
    dict(
        type='RandomChoice',
        transforms=[
            [dict(type='Resize', scale_factor=r, keep_ratio=True)]
            for r in (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
        ],
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='LeanPackSegInputs'),
]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        datasets=[
            dict(
                type=_base_.dataset_type,
                data_root=_base_.data_root,
                data_prefix=dict(
                    img_path='JPEGImages', seg_map_path='SegmentationClass'
                ),
                ann_file='ImageSets/Segmentation/train.txt',
                pipeline=train_pipeline,
            ),
            dict(
                type=_base_.dataset_type,
                data_root=_base_.data_root,
                data_prefix=dict(
                    img_path='JPEGImages', seg_map_path='SegmentationClassAug'
                ),
                ann_file='ImageSets/Segmentation/aug.txt',
                pipeline=train_pipeline,
            ),
        ],
    ),
)
