"""Auxiliary FCN loss, weight 0.4, on the third stage of a ResNet.

By ``--mixin aux_fcn``, which takes ``num_classes`` from the decode head, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/aux_fcn.py']
    model = dict(auxiliary_head=dict(
        _base_.aux_fcn.model.auxiliary_head, num_classes=_base_.num_classes))

PSPNet's loss (https://arxiv.org/abs/1612.01105, section 3.3) in MMSegmentation's form;
the DeepLab papers have none, most re-implementations do. The head is not used after the
training. ResNet-50 and deeper have 1024 channels there.
"""

aux_fcn = dict(
    model=dict(
        auxiliary_head=dict(
            type='FCNHead',
            in_channels=1024,
            in_index=2,
            channels=256,
            num_convs=1,
            concat_input=False,
            dropout_ratio=0.1,
            num_classes=None,
            norm_cfg=dict(type='SyncBN', requires_grad=True),
            align_corners=False,
            loss_decode=dict(
                type='CrossEntropyLoss', loss_weight=0.4, avg_non_ignore=True
            ),
        )
    )
)
