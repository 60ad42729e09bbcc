"""Mixed precision: float16 with a dynamic loss scale on a GPU, bfloat16 on a CPU.

By ``--mixin amp``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/amp.py']
    optim_wrapper = _base_.amp.optim_wrapper

bfloat16 on a GPU (Ampere and later), which needs no loss scale:
``optim_wrapper.dtype=bfloat16``.
"""

amp = dict(
    optim_wrapper=dict(
        type='MixedPrecisionOptimWrapper', dtype='float16', loss_scale='dynamic'
    )
)
