"""MMSegmentation's recipe, 20k steps: SGD from 0.01, poly 0.9 down to 1e-4.

As MMSegmentation's ``schedule_20k.py``, under which its zoo was trained (batches of 16,
on Cityscapes of 8).
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=1e-4, begin=0, end=20000, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=20000, val_interval=2000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
