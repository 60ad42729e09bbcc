"""The second stage of DeepLab v3, at output stride 8: 30k more steps from 0.001.

https://arxiv.org/abs/1706.05587, section 4.1. It starts from the weights of the first
stage (``load_from``), and its batch normalisation is frozen, which the model says and
not the schedule.
"""

_base_ = ['./deeplabv3_30k.py']
optim_wrapper = dict(optimizer=dict(lr=0.001))
