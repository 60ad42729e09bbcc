"""MMSegmentation's SegFormer (MiT-B0) on CamVid: https://arxiv.org/abs/2105.15203

4000 steps of 8 crops of 353x353, the schedule of every network in the CamVid table,
except for the optimizer. What we have measured is in docs/benchmarks.md.

    mmseg-deeplab train segformer_b0_camvid
"""

_base_ = [
    './_base_/models/segformer_b0.py',
    './_base_/datasets/camvid.py',
    './_base_/schedules/camvid_table.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
# SGD does not train transformers: SegFormer's own optimizer (adamw_160k.py).
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=6e-5, weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys=dict(norm=dict(decay_mult=0.0), head=dict(lr_mult=10.0))
    ),
)
