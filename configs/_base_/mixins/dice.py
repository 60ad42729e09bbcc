"""A loss of the Dice coefficient of each class, added to that of the decode head.

By ``--mixin dice``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/dice.py']
    model = dict(
        decode_head=dict(
            loss_decode=[
                _base_.model.decode_head.loss_decode,
                *_base_.dice.model.decode_head.loss_decode,
            ]
        )
    )

What it is and when it helps: docs/losses.md.
"""

dice = dict(
    model=dict(
        decode_head=dict(loss_decode=[dict(type='SoftDiceLoss', loss_weight=1.0)])
    )
)
