"""The first stage of DeepLab v3, at output stride 16.

https://arxiv.org/abs/1706.05587, section 4.1: SGD, learning rate 0.007, poly 0.9 to
zero over 30k steps of 16 crops of 513x513; one rate for all of the network. Momentum
0.9 and weight decay 1e-4 (ResNet) are those of the authors' code (train.py of
tensorflow/models, research/deeplab). Processes x ``train_dataloader.batch_size``
should be 16.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.007, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=30000, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=30000, val_interval=3000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
