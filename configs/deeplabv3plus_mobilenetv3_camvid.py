"""DeepLab v3+ (MobileNetV3-Large) on CamVid: https://arxiv.org/abs/1802.02611

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table.
What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train deeplabv3plus_mobilenetv3_camvid
"""

_base_ = [
    './_base_/models/deeplabv3plus_mobilenetv3.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
