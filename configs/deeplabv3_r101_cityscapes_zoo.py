"""DeepLab v3 (ResNet-101) on Cityscapes as in MMSegmentation's zoo.

https://arxiv.org/abs/1706.05587. 4 processes x 2 crops of 512x1024, 80k steps at output
stride 8. The zoo reports 80.20 mIoU on val, 81.21 with six scales and flip; not
measured by us. Its checkpoint loads strictly.

    tools/dist_train.sh configs/deeplabv3_r101_cityscapes_zoo.py 4
"""

_base_ = [
    './_base_/models/deeplabv3_r101_zoo.py',
    './_base_/datasets/cityscapes.py',
    './_base_/schedules/poly_80k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.model_for_data, auxiliary_head=_base_.model_for_data.decode_head)
