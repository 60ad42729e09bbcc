"""COCO-Stuff 10k (v1.1): 171 classes; 9000 images to train, 1000 to test
(https://github.com/nightrome/cocostuff10k).

Training as DeepLab v2's on VOC: crops of 321x321, one of five scales relative to the
image's own size, mirroring. Images are evaluated at their own size; the published v2
results (34.4 mIoU of the Caffe model) are for images and labels warped to 513x513, and
MMSegmentation's for coco_stuff10k_mmseg.py. In the files 0 is unlabelled and 1 the
first class (``reduce_zero_label``). Prepare it with::

    URL=http://calvin.inf.ed.ac.uk/wp-content/uploads/data/cocostuffdataset
    wget $URL/cocostuff-10k-v1.1.zip
    mkdir -p data/coco_stuff10k && unzip -d data/coco_stuff10k cocostuff-10k-v1.1.zip
    MMSEG=$(python -c 'import importlib.util as u; print(u.find_spec("mmseg").origin)')
    TOOLS=$(dirname $MMSEG)/.mim/tools/dataset_converters
    python $TOOLS/coco_stuff10k.py data/coco_stuff10k --nproc 8
    mmseg-deeplab check-data configs/_base_/datasets/coco_stuff10k.py --split all
"""

dataset_type = 'COCOStuffDataset'
data_root = 'data/coco_stuff10k'
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
        reduce_zero_label=True,
        data_prefix=dict(
            img_path='images/train2014', seg_map_path='annotations/train2014'
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
        reduce_zero_label=True,
        data_prefix=dict(
            img_path='images/test2014', seg_map_path='annotations/test2014'
        ),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='SegmentationMetric')
test_evaluator = val_evaluator
