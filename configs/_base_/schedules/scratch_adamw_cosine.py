"""From scratch in two minutes on two CPU cores: AdamW, warm-up and cosine, 1000 steps.

Not a recipe of the papers: their SGD needs a pre-trained backbone. The rate was chosen
on SyntheticStreets. A leaf with other steps sets ``end`` and ``max_iters``.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    # fused: one kernel for all parameters saves 6 ms of a step.
    optimizer=dict(type='AdamW', lr=0.01, weight_decay=0.01, fused=True),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.04, begin=0, end=150, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=150, end=1000, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1000, val_interval=200)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
randomness = dict(seed=0)
