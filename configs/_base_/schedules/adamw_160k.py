"""AdamW for transformers: SegFormer's recipe, 160k steps of 16 images.

https://arxiv.org/abs/2105.15203, section 4.1, in MMSegmentation's form
(segformer_mit-b0_8xb2-160k_ade20k-512x512.py): 6e-5, heads 10x, weight decay 0.01 but
none for norms and position codes, 1500 steps of linear warm-up, then linear (poly 1.0)
to zero. For ConvNeXt: ``adamw_convnext_160k.py``.
"""

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01),
    paramwise_cfg=dict(
        custom_keys=dict(
            pos_block=dict(decay_mult=0.0),
            norm=dict(decay_mult=0.0),
            head=dict(lr_mult=10.0),
        )
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-6, begin=0, end=1500, by_epoch=False),
    dict(type='PolyLR', power=1.0, eta_min=0, begin=1500, end=160000, by_epoch=False),
]
train_cfg = dict(type='IterBasedTrainLoop', max_iters=160000, val_interval=16000)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
