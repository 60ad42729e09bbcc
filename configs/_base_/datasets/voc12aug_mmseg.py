"""PASCAL VOC 2012 with SBD as MMSegmentation trains and tests on it.

For its published checkpoints and metrics: crops of 512x512, colour distortion, images
resized to fit 2048x512 before testing (labels keep their size). Preparation:
voc12aug.py, which evaluates at the images' own size, as the papers do.
"""

_base_ = './voc12aug.py'
crop_size = (512, 512)
model_for_data = dict(data_preprocessor=dict(size=crop_size))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=_base_.num_classes),
    dict(
        type='RandomResize',
        scale=(2048, 512),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='LeanRandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='LeanPhotoMetricDistortion'),
    dict(type='Pad', size=crop_size),
    dict(type='LeanPackSegInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(2048, 512), keep_ratio=True),
    dict(type='LoadCheckedAnnotations', num_classes=_base_.num_classes),
    dict(type='LeanPackSegInputs'),
]
train_dataloader = dict(
    batch_size=4,  # MMSegmentation: 4 GPUs x 4 = 16
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
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
