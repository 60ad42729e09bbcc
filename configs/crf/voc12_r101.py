"""The CRF released with DeepLab v2's ResNet-101 for PASCAL VOC 2012.

`DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 4.1: 76.35 mIoU on val without
it, 77.69 with it. kazuto1011/deeplab-pytorch uses the same for COCO-Stuff 164k: 39.1
and 39.7. They are the defaults of ``DenseCRF``.

    mmseg-deeplab test CONFIG CHECKPOINT --crf configs/crf/voc12_r101.py
"""

crf = dict(
    type='DenseCRF',
    num_iterations=10,
    bilateral_weight=4.0,
    bilateral_xy=67.0,
    bilateral_rgb=3.0,
    gaussian_weight=3.0,
    gaussian_xy=1.0,
)
