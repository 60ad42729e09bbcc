"""DeepLab v2 (ResNet-101) on PASCAL VOC 2012 + SBD: https://arxiv.org/abs/1606.00915

One process, 1 crop of 321x321 x 10 accumulated, 20k updates: the Caffe release's own
batch. The paper reports 76.35 mIoU on val before the CRF, with COCO pre-training and
multi-scale inputs, which this config does not have; not measured by us.

    mmseg-deeplab train deeplabv2_r101_voc12aug
"""

_base_ = [
    './_base_/models/deeplabv2_r101.py',
    './_base_/datasets/voc12aug.py',
    './_base_/schedules/deeplabv2_20k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=1)
