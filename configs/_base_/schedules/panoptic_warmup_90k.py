"""detectron2's recipe of Panoptic-DeepLab: Adam, warm-up, poly 0.9 to zero, 90k steps.

``projects/Panoptic-DeepLab/configs/Cityscapes-PanopticSegmentation``: learning rate
1e-3 for batches of 32, no weight decay, 1000 steps of linear warm-up from a thousandth,
during which the rate also declines.
"""

_base_ = ['./panoptic_90k.py']
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, begin=0, end=1000, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=90000, by_epoch=False),
]
