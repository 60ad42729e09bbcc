"""Auto-DeepLab's training from scratch: SGD, poly 0.9 from 0.05, 1.5 million steps.

https://arxiv.org/abs/1901.02985, section 5.2; ScheduledDropPath is switched on by
``model.backbone.drop_path_keep``, whose value the paper does not publish. Momentum and
weight decay are the defaults of the authors' code (research/deeplab/train.py).
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=4e-5),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=1500000, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1500000, val_interval=50000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='ScheduledDropPathHook')]
