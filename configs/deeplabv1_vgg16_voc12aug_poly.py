"""DeepLab v1 LargeFOV (VGG-16) with the "poly" policy: https://arxiv.org/abs/1606.00915

deeplabv1_vgg16_voc12aug.py with poly over 20k steps of 10 crops: table 2 of the v2
paper, which reports 65.88 mIoU on val before the CRF; the PyTorch re-implementation
rulixiang/deeplab-pytorch reports 65.48 with random scales and 40k steps; not measured
by us.

    mmseg-deeplab train deeplabv1_vgg16_voc12aug_poly
"""

_base_ = [
    './_base_/models/deeplabv1_vgg16.py',
    './_base_/datasets/voc12aug.py',
    './_base_/schedules/deeplabv2_vgg16_20k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
# No random scales, as in the Caffe release for VGG-16.
pipeline = [*_base_.train_pipeline[:2], *_base_.train_pipeline[3:]]
parts = [dict(d, pipeline=pipeline) for d in (_base_.dataset_train, _base_.dataset_aug)]
train_dataloader = dict(batch_size=10, dataset=dict(datasets=parts))
