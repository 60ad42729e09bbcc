"""One short schedule for every network in the CamVid table (docs/benchmarks.md).

SGD, learning rate 0.01, poly 0.9 to zero over 4000 steps of 8 crops, momentum 0.9,
weight decay 5e-4: MMSegmentation's recipe, shortened to 87 epochs of the 367 images.
Networks that SGD at this rate does not train set their own optimizer in the leaf.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4, fused=True),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=4000, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=4000, val_interval=500)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
