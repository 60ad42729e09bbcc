"""DeepLab v3+ (ResNet-101) on VOC 12 + SBD as in MMSegmentation's zoo.

https://arxiv.org/abs/1802.02611. 4 processes x 4 crops of 512x512, 20k steps at output
stride 8. The zoo reports 77.22 mIoU on val, 78.59 with six scales and flip; not
measured by us. Its checkpoint loads strictly.

    tools/dist_train.sh configs/deeplabv3plus_r101_voc12aug_zoo_20k.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_r101_zoo.py',
    './_base_/datasets/voc12aug_mmseg.py',
    './_base_/schedules/poly_20k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.model_for_data, auxiliary_head=_base_.model_for_data.decode_head)
