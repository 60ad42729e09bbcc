r"""Data of one's own: a folder, and a file that names the classes; no Python needed.

::

    mydata/labels.txt                   one class a line: `name` or `name R G B`
    mydata/images/{train,val}/x.jpg     any usual image format
    mydata/labels/{train,val}/x.png     class ids, or the colours of labels.txt

Without sub-folders ``train.txt`` and ``val.txt`` in ``mydata`` list the names of the
images of each split. ``num_classes`` is read from the class list by the tools of this
project. Details: docs/datasets.md. To check, then to train::

    mmseg-deeplab check-data configs/_base_/datasets/folder.py \
        --cfg-options data_root=mydata
    mmseg-deeplab train CONFIG --cfg-options data_root=mydata

Training as DeepLab v3's: crops of 513x513, scales from 0.5 to 2, mirroring. Images are
evaluated at their own size.
"""

dataset_type = 'FolderDataset'
data_root = 'data/folder'
labels_file = 'labels.txt'  # in data_root
num_classes = None  # as many as labels_file names
# What else --cfg-options may set for all splits at once:
img_suffix = None  # any; '_rgb.png' keeps to images of that name
seg_map_suffix = None  # any; '_mask.png' pairs x.jpg with x_mask.png
reduce_zero_label = False  # True: ids in the files are 1..K, 0 is unlabelled
raster_window = None  # px: rasters are cut into windows of this side, which are samples
crop_size = (513, 513)
# What a network must know of these data: a leaf says model = _base_.model_for_data.
model_for_data = dict(
    data_preprocessor=dict(size=crop_size), decode_head=dict(num_classes=num_classes)
)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=num_classes),
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
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        split='train',
        labels_file=labels_file,
        img_suffix=img_suffix,
        seg_map_suffix=seg_map_suffix,
        reduce_zero_label=reduce_zero_label,
        raster_window=raster_window,
        data_prefix=dict(img_path='images', seg_map_path='labels'),
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
        split='val',
        labels_file=labels_file,
        img_suffix=img_suffix,
        seg_map_suffix=seg_map_suffix,
        reduce_zero_label=reduce_zero_label,
        raster_window=raster_window,
        data_prefix=dict(img_path='images', seg_map_path='labels'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SegmentationMetric')
test_evaluator = val_evaluator
