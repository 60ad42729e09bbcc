"""DeepLab v3+ (timm's ConvNeXt V2-T) on CamVid: https://arxiv.org/abs/1802.02611

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table,
except for the optimizer. There is no published result; not measured by us.

    mmseg-deeplab train deeplabv3plus_convnextv2_t_camvid
"""

_base_ = [
    './_base_/models/deeplabv3plus_convnextv2_t.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
# SGD does not train ConvNeXt.
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, weight_decay=0.05)
)
