"""DeepLab v3 (ConvNeXt-T) on CamVid: https://arxiv.org/abs/1706.05587

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table,
except for the optimizer. What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train deeplabv3_convnext_t_camvid
"""

_base_ = [
    './_base_/models/deeplabv3_convnext_t.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
# SGD does not train ConvNeXt: its own optimizer (schedules/adamw_convnext_160k.py).
optim_wrapper = dict(
    constructor='LearningRateDecayOptimizerConstructor',
    optimizer=dict(_delete_=True, type='AdamW', lr=1e-4, weight_decay=0.05),
    paramwise_cfg=dict(decay_rate=0.9, decay_type='stage_wise', num_layers=6),
)
