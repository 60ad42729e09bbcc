"""DeepLab v2 (VGG-16, ASPP-L) on PASCAL VOC 2012 + SBD.

https://arxiv.org/abs/1606.00915. One process, 10 crops of 321x321, 20k steps. The paper
reports 68.96 mIoU on val, 71.57 with its CRF; not measured by us.

    mmseg-deeplab train deeplabv2_vgg16_voc12aug
"""

_base_ = [
    './_base_/models/deeplabv2_vgg16.py',
    './_base_/datasets/voc12aug.py',
    './_base_/schedules/deeplabv2_vgg16_20k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
# No random scales, as in the Caffe release for VGG-16.
pipeline = [*_base_.train_pipeline[:2], *_base_.train_pipeline[3:]]
parts = [dict(d, pipeline=pipeline) for d in (_base_.dataset_train, _base_.dataset_aug)]
train_dataloader = dict(batch_size=10, dataset=dict(datasets=parts))
