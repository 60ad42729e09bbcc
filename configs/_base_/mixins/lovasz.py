"""A loss of the IoU of each class, added to that of the decode head.

By ``--mixin lovasz``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/lovasz.py']
    model = dict(
        decode_head=dict(
            loss_decode=[
                _base_.model.decode_head.loss_decode,
                *_base_.lovasz.model.decode_head.loss_decode,
            ]
        )
    )

What it is and when it helps: docs/losses.md.
"""

lovasz = dict(
    model=dict(
        decode_head=dict(loss_decode=[dict(type='LovaszSoftmaxLoss', loss_weight=1.0)])
    )
)
