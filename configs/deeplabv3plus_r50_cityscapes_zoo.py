"""DeepLab v3+ (ResNet-50) on Cityscapes as in MMSegmentation's zoo.

https://arxiv.org/abs/1802.02611. 4 processes x 2 crops of 512x1024, 80k steps at output
stride 8. The zoo reports 80.09 mIoU on val, 81.13 with six scales and flip; not
measured by us. Its checkpoint loads strictly.

    tools/dist_train.sh configs/deeplabv3plus_r50_cityscapes_zoo.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_r50_zoo.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/poly_80k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.model_for_data, auxiliary_head=_base_.model_for_data.decode_head)
