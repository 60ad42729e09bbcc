"""AdamW for ConvNeXt, 160k steps of 16 images.

https://arxiv.org/abs/2201.03545, appendix A.3, in MMSegmentation's form
(convnext-tiny_upernet_8xb2-amp-160k_ade20k-512x512.py): 1e-4, 0.9 times as much per
stage towards the image, weight decay 0.05 but none for vectors, warm-up and decline as
``adamw_160k.py``. MMSegmentation trains it in mixed precision: mixin ``amp``.
"""

_base_ = ['./adamw_160k.py']
optim_wrapper = dict(
    constructor='LearningRateDecayOptimizerConstructor',
    optimizer=dict(lr=1e-4, weight_decay=0.05),
    paramwise_cfg=dict(
        _delete_=True, decay_rate=0.9, decay_type='stage_wise', num_layers=6
    ),
)
