"""PASCAL VOC 2012 with the extra annotations of SBD: 21 classes; 10582 images to train
(train_aug), 1449 to validate (http://host.robots.ox.ac.uk/pascal/VOC/voc2012).

Training follows the released Caffe model of DeepLab v2 (train.prototxt): crops of
321x321, one of five scales relative to the image's own size, mirroring.
MMSegmentation resizes the images to fit 2048x512 before testing; the papers evaluate at
the images' own size, and so do we. Download ``VOCtrainval_11-May-2012.tar`` and SBD's
``benchmark.tgz``, then::

    mkdir -p data && tar -xf VOCtrainval_11-May-2012.tar -C data
    mkdir -p data/VOCdevkit/VOCaug
    tar -xzf benchmark.tgz -C data/VOCdevkit/VOCaug --strip-components=1
    MMSEG=$(python -c 'import importlib.util as u; print(u.find_spec("mmseg").origin)')
    TOOLS=$(dirname $MMSEG)/.mim/tools/dataset_converters
    python $TOOLS/voc_aug.py data/VOCdevkit data/VOCdevkit/VOCaug --nproc 8
    mmseg-deeplab check-data configs/_base_/datasets/voc12aug.py --split all
"""

dataset_type = 'PascalVOCDataset'
data_root = 'data/VOCdevkit/VOC2012'
num_classes = 21
crop_size = (321, 321)
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
            for r in (0.5, 0.75, 1.0, 1.25, 1.5)
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
dataset_train = dict(
    type=dataset_type,
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
    ann_file='ImageSets/Segmentation/train.txt',
    pipeline=train_pipeline,
)
# What train_aug has beyond train; written by voc_aug.py.
dataset_aug = dict(
    type=dataset_type,
    data_root=data_root,
    data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClassAug'),
    ann_file='ImageSets/Segmentation/aug.txt',
    pipeline=train_pipeline,
)
train_dataloader = dict(
    batch_size=10,  # Caffe: iter_size 10 x 1
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(type='ConcatDataset', datasets=[dataset_train, dataset_aug]),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(img_path='JPEGImages', seg_map_path='SegmentationClass'),
        ann_file='ImageSets/Segmentation/val.txt',
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SegmentationMetric')
test_evaluator = val_evaluator
