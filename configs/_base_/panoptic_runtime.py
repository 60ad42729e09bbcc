"""What runs with instances share: the best checkpoint is that of panoptic quality."""

_base_ = ['./default_runtime.py']
default_hooks = dict(checkpoint=dict(save_best='PQ'))
