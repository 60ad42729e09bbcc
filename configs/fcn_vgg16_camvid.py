"""FCN (VGG-16, without skips) on CamVid: https://arxiv.org/abs/1411.4038

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table.
What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train fcn_vgg16_camvid
"""

_base_ = [
    './_base_/models/fcn_vgg16.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
optim_wrapper = dict(
    constructor='DeepLabOptimWrapperConstructor',  # without BatchNorm: a tenth below
    optimizer=dict(lr=0.001),
)
