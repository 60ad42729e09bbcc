"""DeepLab v3+ (ResNet-101) on ADE20K as in MMSegmentation's zoo.

https://arxiv.org/abs/1802.02611. 4 processes x 4 crops of 512x512, 160k steps at output
stride 8. The zoo reports 45.47 mIoU on val, 46.35 with six scales and flip; not
measured by us. Its checkpoint loads strictly.

    tools/dist_train.sh configs/deeplabv3plus_r101_ade20k_zoo.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_r101_zoo.py',
    './_base_/datasets/ade20k_mmseg.py',
    './_base_/schedules/poly_160k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.model_for_data, auxiliary_head=_base_.model_for_data.decode_head)
