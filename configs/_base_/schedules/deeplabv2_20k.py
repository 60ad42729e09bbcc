"""The recipe of DeepLab v2's Caffe release for ResNet-101 (solver.prototxt).

SGD, learning rate 2.5e-4 (classifier 10x, its biases 20x without decay), poly 0.9 to
zero, momentum 0.9, weight decay 5e-4. Literally: one image per step and ``iter_size``
10, so 20k updates are 200k iterations. The effective batch is processes x
``train_dataloader.batch_size`` x ``accumulative_counts``.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='DeepLabOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=2.5e-4, momentum=0.9, weight_decay=5e-4),
    accumulative_counts=10,  # Caffe's iter_size
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=200000, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=200000, val_interval=20000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
