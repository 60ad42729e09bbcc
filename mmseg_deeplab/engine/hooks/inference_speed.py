"""Faster networks in a test run."""

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_deeplab.models.fast_prediction import prepare_for_inference


@HOOKS.register_module()
class InferenceSpeedHook(Hook):
    """Apply :func:`prepare_for_inference` when a test begins, its weights loaded.

    Only for runs that test and do nothing after it: a folded network cannot be trained
    or saved any more. Validation during a training is left alone.

    Args:
        fold_bn: Multiply BatchNorm into the convolutions.
        channels_last: Memory format of weights and feature maps.
        bfloat16: Compute in bfloat16; the one that changes predictions.
        compile: By ``torch.compile``.
        row_strips: Inverted residuals by strips of rows, on the CPU.
    """

    priority = 'VERY_LOW'  # after EMAHook has put the average in

    def __init__(
        self,
        fold_bn: bool = True,
        channels_last: bool = True,
        bfloat16: bool = False,
        compile: bool = False,
        row_strips: bool = True,
    ) -> None:
        self.settings = dict(
            fold_bn=fold_bn,
            channels_last=channels_last,
            bfloat16=bfloat16,
            compile=compile,
            row_strips=row_strips,
        )

    def before_test(self, runner: Runner) -> None:
        """Change the network in place."""
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        if isinstance(model, BaseTTAModel):
            model = model.module
        prepare_for_inference(model, **self.settings)
