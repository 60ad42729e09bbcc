"""The recipe of DeepLab v1 (https://arxiv.org/abs/1412.7062, section 5).

SGD, learning rate 0.001 (classifier fc8 0.01), a tenth of it every 2000 of 6000
steps, momentum 0.9, weight decay 5e-4, 20 images per step: processes x
``train_dataloader.batch_size`` x ``accumulative_counts`` should be 20. From the Caffe
release: biases at the double rate without decay. DeepLab v2 (table 2) found poly with
smaller batches better by 3.6 mIoU: ``deeplabv2_vgg16_20k.py``.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    constructor='DeepLabOptimWrapperConstructor',
    optimizer=dict(type='SGD', lr=0.001, momentum=0.9, weight_decay=5e-4),
    paramwise_cfg=dict(
        classifier=('fc8',),  # fc6 and fc7 come from VGG-16 and count as backbone
        head_lr_mult=10.0,
        head_bias_lr_mult=20.0,
        head_bias_decay_mult=0.0,
        backbone_bias_lr_mult=2.0,
        backbone_bias_decay_mult=0.0,
    ),
)
param_scheduler = [
    dict(type='MultiStepLR', milestones=[2000, 4000], gamma=0.1, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=6000, val_interval=1000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
