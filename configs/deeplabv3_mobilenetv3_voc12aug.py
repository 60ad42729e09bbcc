"""DeepLab v3 (MobileNetV3-Large) in the form of torchvision, on VOC 2012 + SBD.

https://arxiv.org/abs/1905.02244; 4 processes x 4 crops of 513x513, 30k steps.
torchvision reports 60.3 mIoU for deeplabv3_mobilenet_v3_large, but trained on the 21
classes in COCO alone and tested at 520 pixels; not measured by us.

    tools/dist_train.sh configs/deeplabv3_mobilenetv3_voc12aug.py 4
"""

_base_ = [
    './_base_/models/deeplabv3_mobilenetv3.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/deeplabv3_30k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
train_dataloader = dict(batch_size=4)  # x 4 processes
optim_wrapper = dict(optimizer=dict(weight_decay=4e-5))  # TF's, not for ResNet
