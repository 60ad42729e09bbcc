"""The recipe of DeepLab v2's Caffe release for VGG-16 (solver.prototxt).

That of v1 (classifier fc8 10x, its biases 20x, other biases 2x, biases without decay)
with poly 0.9 to zero over 20k steps of 10 images: the last row of table 2 in
https://arxiv.org/abs/1606.00915.
"""

_base_ = ['./deeplabv1_6k.py']
param_scheduler = [
    dict(type='PolyLR', power=0.9, eta_min=0, begin=0, end=20000, by_epoch=False)
]
train_cfg = dict(max_iters=20000, val_interval=2000)
