"""SyntheticStreets with people and cars as instances; see synthetic_streets.py.

The constants of Panoptic-DeepLab's recipe for Cityscapes, smaller with the image, which
has an eighth of its sides: Gaussians of 2 pixels, stuff of 32 pixels at least.
"""

_base_ = './synthetic_streets.py'
model_for_data = dict(
    thing_classes=(5, 6),  # person, car
    grouping=dict(nms_kernel=3, stuff_area=32),
)
train_pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='RandomCrop', crop_size=_base_.crop_size),
    dict(type='RandomFlip', prob=0.5),
    dict(type='GeneratePanopticTargets', sigma=2, small_instance_area=64),
    dict(type='PackPanopticInputs'),
]
test_pipeline = [dict(type='LoadCheckedImage'), dict(type='PackPanopticInputs')]
train_dataloader = dict(dataset=dict(panoptic=True, pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(panoptic=True, pipeline=test_pipeline))
test_dataloader = val_dataloader
# Many instances are smaller than a position of the features.
val_evaluator = dict(type='PanopticMetric', min_area=16)
test_evaluator = val_evaluator
