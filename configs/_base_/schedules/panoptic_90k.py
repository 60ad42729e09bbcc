"""bowenc0221's recipe of Panoptic-DeepLab: Adam, poly 0.9 to zero, 90k steps.

``configs/panoptic_deeplab_R50_os32_cityscapes.yaml`` of its repository: learning rate
5e-5 for batches of 8, no weight decay, no warm-up.
"""

optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='Adam', lr=5e-5, weight_decay=0.0)
)
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=90000, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=90000, val_interval=9000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
