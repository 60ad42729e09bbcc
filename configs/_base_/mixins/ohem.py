"""Online hard example mining: only pixels that are not yet sure count in the loss.

By ``--mixin ohem``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/ohem.py']
    model = _base_.ohem.model

A pixel counts when its class has a probability of at most ``thresh``, or when it is in
the least sure fifth of the batch (``min_share``): docs/losses.md.
"""

ohem = dict(
    model=dict(
        decode_head=dict(
            loss_decode=dict(type='HardPixelCrossEntropy', thresh=0.7, min_share=0.2)
        )
    )
)
