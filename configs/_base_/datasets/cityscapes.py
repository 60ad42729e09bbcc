"""Cityscapes: 2048x1024 street scenes, 19 classes; 2975 images to train, 500 to
validate (https://www.cityscapes-dataset.com).

The settings are those that MMSegmentation and its published results use: crops of
512x1024, scales from 0.5 to 2, colour distortion. Images are evaluated at their own
size, on the validation split, as the test labels are not public. Register, download
``leftImg8bit_trainvaltest.zip`` and ``gtFine_trainvaltest.zip``, then::

    unzip -d data/cityscapes leftImg8bit_trainvaltest.zip
    unzip -od data/cityscapes gtFine_trainvaltest.zip
    pip install cityscapesscripts
    MMSEG=$(python -c 'import importlib.util as u; print(u.find_spec("mmseg").origin)')
    TOOLS=$(dirname $MMSEG)/.mim/tools/dataset_converters
    python $TOOLS/cityscapes.py data/cityscapes --nproc 8
    mmseg-deeplab check-data configs/_base_/datasets/cityscapes.py --split all
"""

dataset_type = 'CityscapesDataset'
data_root = 'data/cityscapes/'
num_classes = 19
crop_size = (512, 1024)
# What a network must know of these data: a leaf says model = _base_.model_for_data.
model_for_data = dict(
    data_preprocessor=dict(size=crop_size), decode_head=dict(num_classes=num_classes)
)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=num_classes),
    dict(
        type='RandomResize',
        scale=(2048, 1024),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='LeanRandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='LeanPhotoMetricDistortion'),
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
    batch_size=2,  # MMSegmentation: 4 GPUs x 2 = 8
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='leftImg8bit/train', seg_map_path='gtFine/train'),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='leftImg8bit/val', seg_map_path='gtFine/val'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
# The ids of the classes for the server (cityscapesscripts/helpers/labels.py, labelIds),
# in the masks of `mmseg-deeplab test CONFIG CHECKPOINT --out DIR --format-only`.
label_ids = [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]
val_evaluator = dict(type='SegmentationMetric', label_ids=label_ids)
test_evaluator = val_evaluator
