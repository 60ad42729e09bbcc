r"""DeepLab v3 (MobileNetV2) on images and labels of your own, in two folders.

https://arxiv.org/abs/1801.04381; the layout is in _base_/datasets/folder.py and the
number of classes is that of the class list. 8 crops of 513x513, 20k steps. Not
measured by us.

    mmseg-deeplab train deeplabv3_mobilenetv2_folder \
        --cfg-options data_root=DIR
"""

_base_ = [
    './_base_/models/deeplabv3_mobilenetv2.py',
    './_base_/datasets/folder.py',
    './_base_/schedules/poly_20k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
