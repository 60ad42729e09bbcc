"""COCO panoptic: 80 classes of things and 53 of stuff; 118287 images to train, 5000 to
validate (https://cocodataset.org/#panoptic-2018).

The recipe of Panoptic-DeepLab in detectron2: the shorter side from 320 to 960, the
longer one up to 960, crops of 640x640 with padding, mirroring; Gaussians of 8 pixels.
Tests see the longer side at 640 pixels and are evaluated at the image's own size.
Prepare it with::

    mkdir -p data/coco && cd data/coco
    wget http://images.cocodataset.org/zips/train2017.zip
    wget http://images.cocodataset.org/zips/val2017.zip
    URL=http://images.cocodataset.org/annotations
    wget $URL/panoptic_annotations_trainval2017.zip
    unzip train2017.zip && unzip val2017.zip
    unzip panoptic_annotations_trainval2017.zip && cd annotations
    unzip panoptic_train2017.zip && unzip panoptic_val2017.zip && cd ../../..
    mmseg-deeplab check-data configs/_base_/datasets/coco_panoptic.py --split all
"""

dataset_type = 'CocoPanopticDataset'
data_root = 'data/coco'
num_classes = 133
crop_size = (640, 640)
# What a network must know of these data: a leaf says model = _base_.model_for_data.
model_for_data = dict(
    data_preprocessor=dict(size=crop_size),
    decode_head=dict(num_classes=num_classes),
    thing_classes=tuple(range(80)),
    grouping=dict(nms_kernel=41, stuff_area=4096),
)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadPanopticAnnotations'),
    dict(
        type='RandomChoiceResize',
        resize_type='ResizeShortestEdge',
        scales=list(range(320, 961, 64)),
        max_size=960,
    ),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='PadPanopticInputs', size=crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='GeneratePanopticTargets', sigma=8),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=crop_size, keep_ratio=True),
    dict(type='LoadPanopticAnnotations'),
    dict(type='PackPanopticInputs'),
]
train_dataloader = dict(
    batch_size=8,  # detectron2: 64 on several GPUs
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type=dataset_type,
        data_root=data_root,
        ann_file='annotations/panoptic_train2017.json',
        data_prefix=dict(
            img_path='train2017', seg_map_path='annotations/panoptic_train2017'
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
        ann_file='annotations/panoptic_val2017.json',
        data_prefix=dict(
            img_path='val2017', seg_map_path='annotations/panoptic_val2017'
        ),
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='PanopticMetric')
test_evaluator = val_evaluator
