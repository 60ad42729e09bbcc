"""DeepLab v3 (MobileNetV2, no pyramid) on Cityscapes.

https://arxiv.org/abs/1801.04381, section 6.3; 8 processes x 2 crops of 769x769, 90k
steps at output stride 16. TF's model zoo reports 70.71 mIoU on val with COCO
pre-training, which this config does not have; not measured by us.

    tools/dist_train.sh configs/deeplabv3_mobilenetv2_cityscapes.py 8
"""

_base_ = [
    './_base_/models/deeplabv3_mobilenetv2.py',
    './_base_/datasets/cityscapes_769.py',
    './_base_/schedules/deeplabv3_30k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))  # TF's, not for ResNet
param_scheduler = [dict(_base_.param_scheduler[0], end=90000)]
train_cfg = dict(max_iters=90000, val_interval=9000)
