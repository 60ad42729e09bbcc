"""MMSegmentation's recipe, 320k steps: ``poly_20k.py`` as ``schedule_320k.py``."""

_base_ = ['./poly_20k.py']
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-4, begin=0, end=320000, by_epoch=False)
]
train_cfg = dict(max_iters=320000, val_interval=32000)
