"""The CRF released with DeepLab v2's VGG-16 (ASPP-L) for PASCAL VOC 2012.

`DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 4.1: 68.96 mIoU on val without
it, 71.57 with it.

    mmseg-deeplab test CONFIG CHECKPOINT --crf configs/crf/voc12_vgg16.py
"""

crf = dict(
    type='DenseCRF',
    num_iterations=10,
    bilateral_weight=4.0,
    bilateral_xy=65.0,
    bilateral_rgb=3.0,
    gaussian_weight=2.0,
    gaussian_xy=2.0,
)
