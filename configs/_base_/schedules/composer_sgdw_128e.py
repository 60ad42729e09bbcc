"""Composer's better recipe for DeepLab v3+ (ResNet-101) on ADE20K: SGDW, 128 epochs.

deeplabv3_ade20k_optimized.yaml of https://github.com/mosaicml/composer and its model
card: decoupled SGDW 0.01, momentum 0.9, weight decay 2e-5 (2.5e-5 in some revisions),
cosine to zero over the whole run, batches of 32, ImageNet weights V2 of torchvision;
beside the schedule as ``composer_sgd_127e.py``. They report 45.764 mIoU.

Steps: 20210 images // 32 (the last, smaller batch is dropped) = 631 an epoch,
x 128 = 80768.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='DecoupledSGDW', lr=0.01, momentum=0.9, weight_decay=2e-5),
)
param_scheduler = [
    dict(type='CosineAnnealingLR', eta_min=0, begin=0, end=80768, by_epoch=False)
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=80768, val_interval=20 * 631)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
