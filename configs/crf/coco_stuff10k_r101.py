"""The CRF in the Caffe release of COCO-Stuff 10k's authors (test.prototxt).

https://github.com/nightrome/cocostuff10k, where the layer is commented out.

    mmseg-deeplab test CONFIG CHECKPOINT --crf configs/crf/coco_stuff10k_r101.py
"""

crf = dict(
    type='DenseCRF',
    num_iterations=10,
    bilateral_weight=5.0,
    bilateral_xy=21.0,
    bilateral_rgb=3.0,
    gaussian_weight=4.0,
    gaussian_xy=1.0,
)
