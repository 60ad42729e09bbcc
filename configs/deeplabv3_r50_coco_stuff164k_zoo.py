"""DeepLab v3 (ResNet-50) on COCO-Stuff 164k as in MMSegmentation's zoo.

https://arxiv.org/abs/1706.05587. 4 processes x 4 crops of 512x512, 320k steps at output
stride 8. The zoo reports 41.37 mIoU on val, 42.22 with six scales and flip; not
measured by us. Its checkpoint loads strictly.

    tools/dist_train.sh configs/deeplabv3_r50_coco_stuff164k_zoo.py 4
"""

_base_ = [
    './_base_/models/deeplabv3_r50_zoo.py',
    './_base_/datasets/coco_stuff164k_mmseg.py',
    './_base_/schedules/poly_320k.py',
    './_base_/default_runtime.py',
]
model = dict(_base_.model_for_data, auxiliary_head=_base_.model_for_data.decode_head)
