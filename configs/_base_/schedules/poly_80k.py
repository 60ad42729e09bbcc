"""MMSegmentation's recipe, 80k steps: ``poly_20k.py`` as ``schedule_80k.py``."""

_base_ = ['./poly_20k.py']
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-4, begin=0, end=80000, by_epoch=False)
]
train_cfg = dict(max_iters=80000, val_interval=8000)
