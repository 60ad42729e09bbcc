"""MMSegmentation's recipe, 40k steps: ``poly_20k.py`` as ``schedule_40k.py``."""

_base_ = ['./poly_20k.py']
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-4, begin=0, end=40000, by_epoch=False)
]
train_cfg = dict(max_iters=40000, val_interval=4000)
