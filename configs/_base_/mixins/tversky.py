"""A loss of Tversky's index of each class, added to that of the decode head.

By ``--mixin tversky``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/tversky.py']
    model = dict(
        decode_head=dict(
            loss_decode=[
                _base_.model.decode_head.loss_decode,
                *_base_.tversky.model.decode_head.loss_decode,
            ]
        )
    )

What it is and when it helps: docs/losses.md.
"""

tversky = dict(
    model=dict(
        decode_head=dict(
            loss_decode=[dict(type='SoftTverskyLoss', alpha=0.3, beta=0.7)]
        )
    )
)
