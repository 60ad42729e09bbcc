"""MMSegmentation's FCN (ResNet-50-D8) on CamVid: https://arxiv.org/abs/1411.4038

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table.
What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train fcn_r50_camvid
"""

_base_ = [
    './_base_/models/fcn_r50.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.model_for_data, auxiliary_head=_base_.model_for_data.decode_head)
