"""Mixed precision on GPUs and CPUs."""

import logging
from typing import Any

import torch
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmseg.registry import OPTIM_WRAPPERS
from torch.amp import GradScaler

from mmseg_deeplab.utils.value_checks import require_one_of

DTYPES = ('float16', 'bfloat16')


@OPTIM_WRAPPERS.register_module()
class MixedPrecisionOptimWrapper(AmpOptimWrapper):
    """mmengine's ``AmpOptimWrapper`` that also runs without a GPU.

    mmengine's own cannot be built without an accelerator, so that a config with it
    cannot be tried on a laptop. Here a CPU uses bfloat16, the only type that its
    autocast knows, and logs a warning. Weights, gradients and optimizer stay in
    float32. bfloat16 has the exponents of float32, so that its loss needs no scaling.
    A checkpoint of either machine can be resumed on the other.

    Args:
        loss_scale: ``'dynamic'``, a number, or the arguments of
            ``torch.amp.GradScaler``. Only used for float16.
        dtype: ``'float16'`` or ``'bfloat16'``; a CPU always uses the latter.
        **kwargs: The arguments of mmengine's ``OptimWrapper``.
    """

    def __init__(
        self,
        *,
        loss_scale: str | float | dict = 'dynamic',
        dtype: str = 'float16',
        **kwargs: Any,
    ) -> None:
        require_one_of('dtype', dtype, DTYPES)
        if not torch.cuda.is_available():
            print_log(
                'MixedPrecisionOptimWrapper: no GPU: bfloat16 on the CPU instead of '
                f'{dtype} mixed precision',
                logger='current',
                level=logging.WARNING,
            )
            dtype = 'bfloat16'
        if dtype == 'float16':
            super().__init__(loss_scale=loss_scale, dtype=dtype, **kwargs)
            return
        # AmpOptimWrapper's constructor insists on a GPU and a scaler.
        OptimWrapper.__init__(self, **kwargs)
        self.loss_scaler = GradScaler(enabled=False)
        self._scale_update_param = None
        self.cast_dtype = torch.bfloat16

    def load_state_dict(self, state_dict: dict) -> None:
        """Load a state, also that of a training without a scaler."""
        if not state_dict.get('loss_scaler'):
            state_dict = {k: v for k, v in state_dict.items() if k != 'loss_scaler'}
        super().load_state_dict(state_dict)
