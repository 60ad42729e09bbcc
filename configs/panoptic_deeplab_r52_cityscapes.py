"""Panoptic-DeepLab (ResNet-52) on Cityscapes: https://arxiv.org/abs/1911.10194

detectron2's recipe with separable convolutions: output stride 16, 8 processes x 4 crops
of 512x1024, 90k steps. detectron2 reports 60.3 PQ, 32.1 AP and 78.7 mIoU on val, from
ImageNet weights that you have to set (_base_/models/panoptic_deeplab_r52.py); not
measured by us.

    tools/dist_train.sh configs/panoptic_deeplab_r52_cityscapes.py 8
"""

_base_ = [
    './_base_/models/panoptic_deeplab_r52.py',
    './_base_/datasets/cityscapes_panoptic.py',
    './_base_/schedules/panoptic_warmup_90k.py',
    './_base_/panoptic_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=4)  # 8 GPUs x 4 = 32
