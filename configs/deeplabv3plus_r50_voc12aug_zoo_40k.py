"""DeepLab v3+ (ResNet-50) on VOC 12 + SBD as in MMSegmentation's zoo.

https://arxiv.org/abs/1802.02611. 4 processes x 4 crops of 512x512, 40k steps at output
stride 8. The zoo reports 76.81 mIoU on val, 77.57 with six scales and flip; not
measured by us. Its checkpoint loads strictly.

    tools/dist_train.sh configs/deeplabv3plus_r50_voc12aug_zoo_40k.py 4
"""

_base_ = [
    './_base_/models/deeplabv3plus_r50_zoo.py',
    './_base_/datasets/voc12aug_mmseg.py',
    './_base_/schedules/poly_40k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.model_for_data, auxiliary_head=_base_.model_for_data.decode_head)
