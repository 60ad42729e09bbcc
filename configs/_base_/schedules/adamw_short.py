"""Short trainings: AdamW, warm-up, poly 0.9 to zero, 800 steps.

Not a recipe of the papers: one optimizer for networks with and without ImageNet
weights, with and without BatchNorm. ``mmseg-deeplab init`` chooses the steps.
"""

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=0.001, weight_decay=0.01)
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=40, by_epoch=False),
    dict(type='PolyLR', power=0.9, eta_min=0, begin=40, end=800, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=800, val_interval=800)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
