"""MMSegmentation's U-Net on CamVid: https://arxiv.org/abs/1505.04597

4000 steps of 8 crops: the schedule of every network in the CamVid table, except for
crops of 352x352. What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train unet_camvid
"""

_base_ = [
    './_base_/models/unet.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
size = (352, 352)  # multiples of 16
model = dict(
    data_preprocessor=dict(size=size),
    decode_head=dict(num_classes=_base_.num_classes),
    auxiliary_head=dict(num_classes=_base_.num_classes),
)
crop = dict(_base_.train_pipeline[3], crop_size=size)
pipeline = [*_base_.train_pipeline[:3], crop, *_base_.train_pipeline[4:]]
train_dataloader = dict(dataset=dict(pipeline=pipeline))
