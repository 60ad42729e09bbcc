"""The recipe of ``deeplabv2_20k.py`` for a small data set: 4000 steps."""

_base_ = ['./deeplabv2_20k.py']
optim_wrapper = dict(accumulative_counts=1)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=4000, by_epoch=False)
]
train_cfg = dict(max_iters=4000, val_interval=500)
