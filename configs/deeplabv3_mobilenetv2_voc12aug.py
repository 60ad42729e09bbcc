"""DeepLab v3 (MobileNetV2, no pyramid) on PASCAL VOC 2012 + SBD.

https://arxiv.org/abs/1801.04381, section 6.3; 4 processes x 4 crops of 513x513, 30k
steps at output stride 16. TF's model zoo reports 75.32 mIoU on val with COCO
pre-training, which this config does not have; not measured by us.

    tools/dist_train.sh configs/deeplabv3_mobilenetv2_voc12aug.py 4
"""

_base_ = [
    './_base_/models/deeplabv3_mobilenetv2.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/deeplabv3_30k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=4)  # x 4 processes
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))  # TF's, not for ResNet
