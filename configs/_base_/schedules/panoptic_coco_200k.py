"""detectron2's recipe of Panoptic-DeepLab on COCO: 5e-4 for batches of 64, 200k steps.

Otherwise as panoptic_warmup_90k.py.
"""

_base_ = ['./panoptic_warmup_90k.py']
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=1000, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=200000, by_epoch=False),
]
train_cfg = dict(max_iters=200000, val_interval=20000)
