"""DeepLab v2 (ResNet-50) on CamVid: https://arxiv.org/abs/1606.00915

367 street scenes of 480x360, 11 classes; the evaluation uses the test split. What we
have measured is in docs/benchmarks.md.

    mmseg-deeplab train deeplabv2_r50_camvid
"""

_base_ = [
    './_base_/models/deeplabv2_r101.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/deeplabv2_4k.py',
    './_base_/default_runtime.py',
]
pretrained = 'open-mmlab://detectron2/resnet50_caffe'
model = dict(
    _base_.model_for_data,
    backbone=dict(depth=50, init_cfg=dict(checkpoint=pretrained)),
)
