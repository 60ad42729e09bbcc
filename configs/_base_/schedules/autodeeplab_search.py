"""Auto-DeepLab's search: two optimizers, the architecture's after a warm-up.

https://arxiv.org/abs/1901.02985, section 4.2. Weights: SGD, cosine from 0.025 to 0.001,
weight decay 3e-4. Architecture: Adam, 0.003, weight decay 1e-3, from half of the search
on. The paper runs 40 epochs; 600 iterations here.
"""

optim_wrapper = dict(
    constructor='ArchitectureSearchOptimWrapperConstructor',
    weights=dict(optimizer=dict(type='SGD', lr=0.025, momentum=0.9, weight_decay=3e-4)),
    architecture=dict(optimizer=dict(type='Adam', lr=0.003, weight_decay=1e-3)),
)
param_scheduler = dict(
    weights=[
        dict(
            type='CosineAnnealingLR',
            eta_min=0.001,
            begin=0,
            end=600,
            T_max=600,
            by_epoch=False,
        )
    ],
    architecture=[],
)
train_cfg = dict(type='IterBasedTrainLoop', max_iters=600, val_interval=600)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
custom_hooks = [dict(type='ArchitectureSearchHook')]
