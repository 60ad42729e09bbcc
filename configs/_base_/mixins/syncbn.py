"""Batch statistics over all processes: every BatchNorm becomes torch's SyncBatchNorm.

By ``--mixin syncbn``, or as one more entry of ``_base_``. It does nothing in a run of
one process; without GPUs ``mmseg-deeplab train`` leaves it out, as torch has none for
CPUs.
"""

sync_bn = 'torch'
