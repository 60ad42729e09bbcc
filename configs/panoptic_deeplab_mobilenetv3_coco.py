"""Panoptic-DeepLab (MobileNetV3-Large) on COCO: https://arxiv.org/abs/1911.10194

detectron2's recipe for COCO with deeplab2's network at output stride 16: 8 processes x
8 crops of 640x640, 200k steps. Not measured by us, nor published by them.

    tools/dist_train.sh configs/panoptic_deeplab_mobilenetv3_coco.py 8
"""

_base_ = [
    './_base_/models/panoptic_deeplab_mobilenetv3.py',
    './_base_/datasets/coco_panoptic.py',
    './_base_/schedules/panoptic_coco_200k.py',
    './_base_/panoptic_runtime.py',
]
model = dict(
    _base_.model_for_data,
    # All pixels count, as in detectron2 on COCO.
    decode_head=dict(num_classes=_base_.num_classes, top_k_percent=1.0),
)
