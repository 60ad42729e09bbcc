"""DeepLab v1 LargeFOV (VGG-16) on PASCAL VOC 2012 + SBD.

https://arxiv.org/abs/1412.7062. One process, 20 crops of 321x321, 6k steps, a tenth of
the rate every 2k: the recipe of the paper. It reports 62.25 mIoU on val, 67.64 with its
CRF; not measured by us.

    mmseg-deeplab train deeplabv1_vgg16_voc12aug
"""

_base_ = [
    './_base_/models/deeplabv1_vgg16.py',
    './_base_/datasets/voc12aug.py',
    './_base_/schedules/deeplabv1_6k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
# No random scales, as in the Caffe release for VGG-16.
pipeline = [*_base_.train_pipeline[:2], *_base_.train_pipeline[3:]]
parts = [dict(d, pipeline=pipeline) for d in (_base_.dataset_train, _base_.dataset_aug)]
train_dataloader = dict(batch_size=20, dataset=dict(datasets=parts))
