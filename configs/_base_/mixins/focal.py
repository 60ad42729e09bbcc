"""Focal loss: pixels that are sure already count less than in cross entropy.

By ``--mixin focal``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/focal.py']
    model = _base_.focal.model

``gamma`` is that of https://arxiv.org/abs/1708.02002: docs/losses.md.
"""

focal = dict(
    model=dict(decode_head=dict(loss_decode=dict(type='SoftmaxFocalLoss', gamma=2.0)))
)
