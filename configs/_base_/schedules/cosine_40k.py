"""``poly_40k.py`` with a cosine over the whole run, down to zero.

Half a period without restarts (https://arxiv.org/abs/1608.03983, equation 5).
"""

_base_ = ['./poly_40k.py']
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min=0, begin=0, end=40000, by_epoch=False)
]
