"""DeepLab v2 (ResNet-101, three scales) on COCO-Stuff 164k.

https://arxiv.org/abs/1606.00915. One process, 10 crops of 321x321, 100k steps.
kazuto1011/deeplab-pytorch reports 39.1 mIoU, and 39.7 with the CRF of
configs/crf/voc12_r101.py; not measured by us.

    python tools/train.py configs/deeplabv2_r101_msc_coco_stuff164k.py
"""

_base_ = [
    './_base_/models/deeplabv2_msc_r101.py',
    './_base_/datasets/coco_stuff164k.py',
    './_base_/schedules/deeplabv2_20k.py',
    './_base_/default_runtime.py',
]
model = dict(
    data_preprocessor=dict(size=_base_.crop_size),
    decode_head=dict(num_classes=_base_.num_classes),
)

optim_wrapper = dict(accumulative_counts=1)
param_scheduler = [dict(_base_.param_scheduler[0], end=100000)]
train_cfg = dict(max_iters=100000, val_interval=10000)
