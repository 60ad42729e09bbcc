"""DeepLab v1 (VGG-16) on CamVid: https://arxiv.org/abs/1412.7062

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table.
What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train deeplabv1_vgg16_camvid
"""

_base_ = [
    './_base_/models/deeplabv1_vgg16.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
optim_wrapper = dict(
    constructor='DeepLabOptimWrapperConstructor',  # without BatchNorm: a tenth below
    optimizer=dict(lr=0.001),
    paramwise_cfg=dict(classifier=('fc8',)),
)
