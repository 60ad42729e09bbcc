"""The predicted masks of a test are named as its images lie in their folder."""

from typing import Any

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch.utils.data import DataLoader

from mmseg_deeplab.datasets.listed_images import leaf_datasets, listed_images
from mmseg_deeplab.evaluation import SegmentationMetric


@HOOKS.register_module()
class NamedOutputsHook(Hook):
    """Tell :class:`SegmentationMetric` the images, before the first one is predicted.

    Two images whose masks would have one name are then an error and no mask is lost.
    """

    def before_test(self, runner: Runner) -> None:
        _name_outputs(runner.test_loop.evaluator, runner.test_loop.dataloader)

    def before_val(self, runner: Runner) -> None:
        _name_outputs(runner.val_loop.evaluator, runner.val_loop.dataloader)


def _name_outputs(evaluator: Evaluator, loader: DataLoader) -> None:
    for metric in evaluator.metrics:
        if isinstance(metric, SegmentationMetric) and metric.output_dir is not None:
            paths = [info['img_path'] for info in listed_images(loader.dataset)]
            metric.name_outputs(paths, _common_root(loader.dataset))


def _common_root(dataset: Any) -> str | None:
    """Return the folder of the images; None if the data sets have several."""
    roots = {leaf.data_prefix.get('img_path') for leaf in leaf_datasets(dataset)}
    return roots.pop() if len(roots) == 1 else None
