"""detectron2's DeepLab recipe on Cityscapes: SGD, warm-up, poly 0.9 to zero, 90k steps.

``projects/DeepLab/configs/Cityscapes-SemanticSegmentation``: learning rate 0.01, weight
decay 1e-4, batch 16, 1000 steps of linear warm-up from a thousandth.
"""

_base_ = ['./poly_20k.py']
optim_wrapper = dict(optimizer=dict(weight_decay=1e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=1000, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=90000, by_epoch=False),
]
train_cfg = dict(max_iters=90000, val_interval=5000)
