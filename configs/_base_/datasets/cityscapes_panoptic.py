"""Cityscapes with instances: 11 classes of stuff and 8 of things; see cityscapes.py.

The data and the recipe of Panoptic-DeepLab in detectron2: crops of 512x1024, scales
from 0.5 to 2, mirroring; Gaussians of 10 pixels. The ``instanceIds`` of
``gtFine_trainvaltest.zip`` need no preparation. ``ann_file`` and ``data_prefix`` choose
the files of ``createPanopticImgs.py``, see ``CityscapesPanopticDataset``. Check with::

    mmseg-deeplab check-data configs/_base_/datasets/cityscapes_panoptic.py --split all
"""

_base_ = './cityscapes.py'
dataset_type = 'CityscapesPanopticDataset'
model_for_data = dict(thing_classes=(11, 12, 13, 14, 15, 16, 17, 18))
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadPanopticAnnotations'),
    dict(
        type='RandomResize',
        scale=(2048, 1024),
        ratio_range=(0.5, 2.0),
        keep_ratio=True,
    ),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='PadPanopticInputs', size=_base_.crop_size[::-1]),
    dict(type='RandomFlip', prob=0.5),
    dict(type='GeneratePanopticTargets', sigma=10),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadPanopticAnnotations'),
    dict(type='PackPanopticInputs'),
]
train_dataloader = dict(dataset=dict(type=dataset_type, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(type=dataset_type, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(type='PanopticMetric')
test_evaluator = val_evaluator
