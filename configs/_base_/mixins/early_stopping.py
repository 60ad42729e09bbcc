"""End the training when five validations in a row have not raised the mIoU.

By ``--mixin early_stopping``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/early_stopping.py']
    custom_hooks = _base_.early_stopping.custom_hooks

A rise counts from 0.1 points on. With instances, add
``--cfg-options custom_hooks.0.monitor=PQ``. The count begins anew with ``--resume``.
"""

early_stopping = dict(
    custom_hooks=[
        dict(
            type='EarlyStoppingHook',
            monitor='mIoU',
            rule='greater',
            min_delta=0.1,
            patience=5,
            strict=True,  # a metric that is not there is an error
        )
    ]
)
