"""DeepLab v3+ (timm's EfficientNetV2-S) on CamVid: https://arxiv.org/abs/1802.02611

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table.
There is no published result; not measured by us.

    mmseg-deeplab train deeplabv3plus_efficientnetv2_s_camvid
"""

_base_ = [
    './_base_/models/deeplabv3plus_efficientnetv2_s.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
