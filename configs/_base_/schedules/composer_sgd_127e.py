"""Composer's baseline for DeepLab v3+ (ResNet-101) on ADE20K: SGD, 127 epochs.

deeplabv3_ade20k_unoptimized.yaml of https://github.com/mosaicml/composer: SGD 0.01,
momentum 0.9, weight decay 5e-4, poly 0.9 down to a hundredth (``alpha_f``), batches of
16; beside the schedule mixed precision, SyncBN, and ``kaiming_normal`` + ``bn_ones``
for the head (mixins ``amp``, ``syncbn``, ``composer_init``). They report 44.17 mIoU.

Steps: 20210 images // 16 (the last, smaller batch is dropped) = 1263 an epoch,
x 127 = 160401.
"""

_base_ = ['./poly_20k.py']
param_scheduler = [
    dict(
        type='PolyLR',
        power=0.9,
        eta_min=0.01 * 0.01,  # alpha_f x lr
        begin=0,
        end=160401,
        by_epoch=False,
    )
]
train_cfg = dict(max_iters=160401, val_interval=20 * 1263)
