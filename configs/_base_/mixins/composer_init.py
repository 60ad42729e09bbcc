"""Composer's initializers ``kaiming_normal`` and ``bn_ones`` for the decode head.

By ``--mixin composer_init``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/composer_init.py']
    model = _base_.composer_init.model

As torch's ``kaiming_normal_`` by default: fan-in, gain sqrt(2). Composer applies them
to all but a pre-trained backbone. Its biases keep torch's uniform start, here they are
0. In plain PyTorch: ``mmseg_deeplab.models.initializers``.
"""

composer_init = dict(
    model=dict(
        decode_head=dict(
            init_cfg=[
                dict(
                    type='Kaiming',
                    layer=['Conv2d', 'Linear'],
                    mode='fan_in',
                    nonlinearity='leaky_relu',  # with slope 0: gain sqrt(2)
                    distribution='normal',
                ),
                dict(type='Constant', layer='_BatchNorm', val=1, bias=0),
            ]
        )
    )
)
