"""A test with BatchNorm folded and channels_last: same predictions, less time.

By ``--mixin fast_inference``, or in a leaf that is only tested::

    _base_ = ['./LEAF.py', './_base_/mixins/fast_inference.py']
    custom_hooks = _base_.fast_inference.custom_hooks

``bfloat16=True`` is faster still where the processor has it: docs/performance.md.
"""

fast_inference = dict(custom_hooks=[dict(type='InferenceSpeedHook')])
