"""Online hard example mining: only pixels that are not yet sure count in the loss.

By ``--mixin ohem``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/ohem.py']
    model = _base_.ohem.model

A pixel counts when its class has a probability below ``thresh``, and at least
``min_kept`` pixels per image do. 0.7 and 100000 are MMSegmentation's values, a fifth of
its Cityscapes crops of 512x1024; a crop of 321x321 has 103041 pixels, so lower
``min_kept`` in proportion. The mean stays one over all labelled pixels: the loss is
smaller than without, by the share that is left out.
"""

ohem = dict(
    model=dict(
        decode_head=dict(
            sampler=dict(type='OHEMPixelSampler', thresh=0.7, min_kept=100000)
        )
    )
)
