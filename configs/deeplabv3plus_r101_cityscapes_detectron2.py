"""DeepLab v3+ (ResNet-101, multi-grid) as in detectron2, on Cityscapes.

https://arxiv.org/abs/1802.02611. 8 processes x 2 crops of 512x1024, 90k steps at output
stride 16; the loss is the mean over the hardest fifth of the pixels. detectron2
(projects/DeepLab) reports 78.1 mIoU on val; not measured by us.

    tools/dist_train.sh configs/deeplabv3plus_r101_cityscapes_detectron2.py 8
"""

_base_ = [
    './_base_/models/deeplabv3plus_r101.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/detectron2_90k.py',
    './_base_/default_runtime.py',
]
hard = dict(type='OHEMPixelSampler', min_kept=104858)  # of 524288
model = dict(
    _base_.model_for_data,
    # MMSegmentation divides by all pixels: x 5 is the mean over the fifth that counts.
    decode_head=dict(
        num_classes=_base_.num_classes, sampler=hard, loss_decode=dict(loss_weight=5.0)
    ),
)
