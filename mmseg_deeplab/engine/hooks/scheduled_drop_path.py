"""ScheduledDropPath: tell the backbone how far the training is."""

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmseg.registry import HOOKS


@HOOKS.register_module()
class ScheduledDropPathHook(Hook):
    """Set ``training_progress`` of the backbone, from 0 to 1.

    `Learning Transferable Architectures <https://arxiv.org/abs/1707.07012>`_, appendix
    A.7, as Auto-DeepLab uses it (its table 4); see
    :class:`~mmseg_deeplab.models.AutoDeepLabNet`.
    """

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.backbone.training_progress = runner.iter / runner.max_iters
