"""One metric on one confusion matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import all_reduce, get_dist_info
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from PIL import Image
from torch import Tensor

from mmseg_deeplab.ops import confusion_matrix

from .figures import figures_table, per_class_figures, summary_figures


@METRICS.register_module()
class SegmentationMetric(BaseMetric):
    """mIoU, accuracies, Dice, F-score, precision and recall from one confusion matrix.

    The figures equal those of the host's ``IoUMetric``; beside them stands the
    frequency-weighted IoU, and :attr:`report` keeps the per-class figures and the
    matrix. Memory is constant in the number of images, and processes exchange one
    matrix; images that a distributed sampler repeats to fill its last round are not
    counted twice.

    Args:
        ignore_index: Label of pixels that do not count.
        nan_to_num: Value for the figures of classes that never occur; by default they
            are left out of the means.
        beta: Weight of recall in the F-score.
        output_dir: Write each predicted label map there, as ``<image name>.png``.
        format_only: Only write the maps: for images without labels.
        collect_device: Taken for the host's sake; the matrix is reduced where it is.
        prefix: Put before the names of the figures.
    """

    def __init__(
        self,
        ignore_index: int = 255,
        nan_to_num: int | None = None,
        beta: float = 1.0,
        output_dir: str | None = None,
        format_only: bool = False,
        collect_device: str = 'cpu',
        prefix: str | None = None,
        keep_results: bool = False,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if format_only and output_dir is None:
            raise ValueError('format_only=True needs output_dir, received None')
        self.ignore_index = ignore_index
        self.nan_to_num = nan_to_num
        self.beta = beta
        self.output_dir = output_dir
        self.format_only = format_only
        self.keep_results = keep_results
        self.report: dict = {}
        self._reset()

    def _reset(self) -> None:
        self._total: Tensor | None = None
        self._last: Tensor | None = None
        self._seen = 0

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count one batch of predictions.

        Raises:
            ValueError: If a sample has no label and ``format_only`` is off.
        """
        for sample in data_samples:
            prediction = sample['pred_sem_seg']['data'].squeeze()
            if self.output_dir is not None:
                self._write(prediction, sample)
            if not self.format_only:
                self._count(prediction, sample)

    def _count(self, prediction: Tensor, sample: dict) -> None:
        if 'gt_sem_seg' not in sample:
            raise ValueError(
                f'{sample.get("img_path")}: no label was loaded. Put '
                "dict(type='LoadCheckedAnnotations') into test_pipeline, or set "
                'test_evaluator.format_only=True'
            )
        target = sample['gt_sem_seg']['data'].squeeze().to(prediction.device)
        self._last = confusion_matrix(
            prediction,
            target,
            len(self.dataset_meta['classes']),
            ignore_index=self.ignore_index,
        )
        self._total = self._last if self._total is None else self._total + self._last
        self._seen += 1

    def _write(self, prediction: Tensor, sample: dict) -> None:
        # The numbers that the data set's own files use start at 1 in this case.
        offset = 1 if sample.get('reduce_zero_label', False) else 0
        labels = (prediction.cpu().numpy() + offset).astype(np.uint8)
        folder = Path(self.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(labels).save(folder / f'{Path(sample["img_path"]).stem}.png')

    def evaluate(self, size: int) -> dict[str, float]:
        """Reduce the matrix over all processes and return the figures in percent.

        Args:
            size: Images in the whole data set.

        Raises:
            ValueError: If nothing was processed.
        """
        if self.format_only:
            print_log(f'predictions are in {self.output_dir}', logger='current')
            return {}
        confusion = self._reduced(size).cpu().numpy()
        metrics = self.compute_metrics(confusion)
        if self.prefix:
            metrics = {f'{self.prefix}/{name}': v for name, v in metrics.items()}
        if not self.keep_results:
            self._reset()
        return metrics

    def _reduced(self, size: int) -> Tensor:
        """Sum the matrices of all processes, without the sampler's repeated images."""
        rank, world_size = get_dist_info()
        total = self._total
        if total is not None and (self._seen - 1) * world_size + rank >= size:
            total = total - self._last
        if total is None:
            num_classes = len(self.dataset_meta['classes'])
            total = torch.zeros(num_classes, num_classes, dtype=torch.long)
        total = total.clone()
        all_reduce(total)
        return total

    def compute_metrics(self, results: np.ndarray) -> dict[str, float]:
        """Turn the matrix into figures; the per-class table goes to the log."""
        classes = self.dataset_meta['classes']
        columns = per_class_figures(results, beta=self.beta)
        if self.nan_to_num is not None:
            columns = {
                k: np.nan_to_num(v, nan=self.nan_to_num) for k, v in columns.items()
            }
        figures = summary_figures(results, beta=self.beta)
        figures.update(
            {f'm{name}': float(np.nanmean(v)) for name, v in columns.items()}
        )
        # Two decimals of a percent, as the host prints them.
        figures = {name: round(100 * value, 2) for name, value in figures.items()}
        self.report = dict(
            figures=figures,
            per_class={
                label: {name: _percent(column[i]) for name, column in columns.items()}
                for i, label in enumerate(classes)
            },
            confusion=results.tolist(),
        )
        print_log('\n' + figures_table(classes, results), logger='current')
        return figures


def _percent(value: float) -> float | None:
    return None if np.isnan(value) else round(100 * float(value), 2)
