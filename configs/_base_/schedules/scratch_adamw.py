"""From scratch on two CPU cores: AdamW, one rate for all, poly 0.9, 1400 steps.

Not a recipe of the papers: their SGD needs a pre-trained backbone. The rate was chosen
on SyntheticStreets; a leaf with other steps sets ``end`` and ``max_iters``.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=0.006, weight_decay=0.01, fused=True),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=1400, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1400, val_interval=200)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
randomness = dict(seed=0)
