"""DeepLab v3+ (timm's LCNet-1.0) on CamVid: https://arxiv.org/abs/1802.02611

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table.
There is no published result; not measured by us.

    mmseg-deeplab train deeplabv3plus_lcnet_camvid
"""

_base_ = [
    './_base_/models/deeplabv3plus_lcnet.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
