"""COCO-Stuff 164k: 171 classes; 118287 images to train, 5000 to validate
(https://github.com/nightrome/cocostuff).

Training as DeepLab v2's on VOC: crops of 321x321, one of five scales relative to the
image's own size, mirroring. Images are evaluated at their own size; MMSegmentation
resizes them: coco_stuff164k_mmseg.py. Labels are ids from 0. Prepare it with::

    mkdir -p data/coco_stuff164k && cd data/coco_stuff164k
    wget http://images.cocodataset.org/zips/train2017.zip
    wget http://images.cocodataset.org/zips/val2017.zip
    URL=http://calvin.inf.ed.ac.uk/wp-content/uploads/data/cocostuffdataset
    wget $URL/stuffthingmaps_trainval2017.zip
    unzip -d images train2017.zip && unzip -d images val2017.zip
    unzip -d annotations stuffthingmaps_trainval2017.zip && cd ../..
    MMSEG=$(python -c 'import importlib.util as u; print(u.find_spec("mmseg").origin)')
    TOOLS=$(dirname $MMSEG)/.mim/tools/dataset_converters
    python $TOOLS/coco_stuff164k.py data/coco_stuff164k --nproc 8
    mmseg-deeplab check-data configs/_base_/datasets/coco_stuff164k.py --split all
"""

dataset_type = 'COCOStuffDataset'
data_root = 'data/coco_stuff164k'
num_classes = 171
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
train_dataloader = dict(
    batch_size=10,  # as DeepLab v2 on VOC
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        data_prefix=dict(
            img_path='images/train2017', seg_map_path='annotations/train2017'
        ),
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
        data_prefix=dict(img_path='images/val2017', seg_map_path='annotations/val2017'),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SegmentationMetric')
test_evaluator = val_evaluator
