"""DeepLab v3 (ResNet-50) as in VainF/DeepLabV3Plus-Pytorch.

https://arxiv.org/abs/1706.05587. One process, 16 crops of 513x513, 30k steps at output
stride 16. torchvision's ResNet, backbone at a tenth of the rate, no multi-grid. They
report 76.9 mIoU on 513x513 center crops of val; not measured by us.

    mmseg-deeplab train deeplabv3_r50_voc12aug_vainf
"""

_base_ = [
    './_base_/models/deeplabv3_r50_vainf.py',
    './_base_/datasets/voc12aug_513.py',
    './_base_/schedules/deeplabv3_30k.py',
    './_base_/default_runtime.py',
]
model = _base_.model_for_data
optim_wrapper = dict(
    constructor='DeepLabOptimWrapperConstructor',
    optimizer=dict(lr=0.001),
    paramwise_cfg=dict(head_bias_lr_mult=10.0, head_bias_decay_mult=1.0),
)
