"""One metric on one confusion matrix."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.dist import is_main_process
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log
from mmseg.registry import METRICS
from torch import Tensor

from mmseg_deeplab.ops import confusion_matrix, grouped_confusion_matrix
from mmseg_deeplab.ops.confusion import count_without_waiting
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.class_colors import class_colors
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import write_json
from mmseg_deeplab.utils.label_png import label_png
from mmseg_deeplab.utils.local_paths import require_local
from mmseg_deeplab.utils.output_names import check_owner, output_names

from .metrics import (
    metrics_table,
    per_class_metrics,
    percent,
    summary_metrics,
    trimap_metrics,
    trimap_table,
)
from .running_counts import RunningCounts
from .trimap import check_borders, check_widths, trimap_bands


@METRICS.register_module()
class SegmentationMetric(BaseMetric):
    """mIoU, accuracies, Dice, F-score, precision and recall from one confusion matrix.

    The metrics equal those of MMSegmentation's ``IoUMetric``, except that the F-score
    of a class that is labelled and never predicted is 0, as its Dice is; see
    :func:`~mmseg_deeplab.evaluation.metrics.per_class_metrics`. In addition there is
    the frequency-weighted IoU, and :attr:`report` keeps the metrics of each class and
    the matrix. The memory does not grow with the number of images, and processes
    exchange one matrix. Images that a distributed sampler repeats are counted once.

    With ``trimap_widths`` it adds the mIoU within narrow bands around the borders in
    the ground truth (``trimap5_mIoU`` and so on), as in DeepLab v1 and v2, see
    :func:`~mmseg_deeplab.evaluation.trimap.trimap_bands`; ``report['trimap']`` also
    holds pixel accuracy and the IoU of each class.

    Args:
        ignore_index: The label of pixels that do not count.
        nan_to_num: Replaces the metrics of classes that never occur; by default the
            means leave them out.
        beta: The weight of recall in the F-score.
        output_dir: A folder for the predicted masks, ``<name>.png``: see
            :meth:`name_outputs`.
        format_only: Only write the masks, for images without ground truth.
        label_ids: The ids of the classes in the files of the data set, where they are
            others than those of the training.
        ids: Whether written masks hold the ids of the files (``'label'``) or those of
            the training (``'train'``). By default those of the files with
            ``format_only``, or where the files begin at 1 (``reduce_zero_label``).
        collect_device: Has no effect; the base class has this argument.
        prefix: Is put before the names of the metrics.
        keep_results: Go on counting after an evaluation instead of starting anew.
        trimap_widths: Half widths of the bands in pixels, strictly increasing, such as
            (1, 2, 5, 10, 20, 40). Their number hardly affects the cost.
        trimap_around: The borders that count: ``'labels'``, ``'classes'``, ``'void'``.
        report_file: A JSON file for :attr:`report`.
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
        trimap_widths: int | Sequence[int] | None = None,
        trimap_around: str = 'labels',
        report_file: str | None = None,
        label_ids: Sequence[int] | None = None,
        ids: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        if format_only and output_dir is None:
            raise InputError('format_only=True needs output_dir, received None')
        require_local(output_dir or '', 'output_dir')
        self.ignore_index = ignore_index
        self.nan_to_num = nan_to_num
        self.beta = beta
        self.output_dir = output_dir
        self.format_only = format_only
        self.keep_results = keep_results
        self.trimap_widths = check_widths(trimap_widths)
        self.trimap_around = check_borders(trimap_around)
        self.report_file = report_file
        self.label_ids = label_ids if ids == 'label' or format_only else None
        self.ids = ids
        self.report: dict = {}
        self._names: dict[str, str] = {}  # of masks, by the path of the image
        self._owners: dict[str, str] = {}  # the reverse
        self._pixels = RunningCounts(keep=keep_results)
        self._wrong: Tensor | int = 0  # pixels without a class, counted on a GPU

    def name_outputs(self, paths: Sequence[str], root: str | None = None) -> None:
        """Name the masks by :func:`~mmseg_deeplab.utils.output_names.output_names`.

        :class:`~mmseg_deeplab.engine.ResumableRunner` does so before a test; else masks
        have the bare names of the images.
        """
        self._names = dict(zip(paths, output_names(paths, root), strict=True))

    def process(self, data_batch: dict, data_samples: Sequence[dict]) -> None:
        """Count one batch of predictions, and write the masks."""
        for sample in data_samples:
            prediction = _mask(sample['pred_sem_seg']['data'])
            if self.output_dir is not None:
                self._write(prediction, sample)
            if not self.format_only:
                self._count(prediction, sample)

    def _count(self, prediction: Tensor, sample: dict) -> None:
        if 'gt_sem_seg' not in sample:
            raise InputError(
                f'{sample.get("img_path")}: no ground truth was loaded. Put '
                "dict(type='LoadCheckedAnnotations') into test_pipeline, or only write "
                'the masks: mmseg-deeplab test ... --out FOLDER --format-only'
            )
        target = _mask(sample['gt_sem_seg']['data'])
        self._pixels.add(self._confusion(prediction, target))

    def _confusion(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return ``(B + 1, K, K)`` counts: of each trimap band, and of the rest."""
        num_classes = len(self.dataset_meta['classes'])
        on_device = target.to(prediction.device)
        if not self.trimap_widths and prediction.device.type != 'cpu':
            counts, wrong = count_without_waiting(
                prediction, on_device, num_classes, ignore_index=self.ignore_index
            )
            self._wrong = self._wrong + wrong
            return counts
        if not self.trimap_widths:
            return confusion_matrix(
                prediction, on_device, num_classes, ignore_index=self.ignore_index
            )[None]
        bands = trimap_bands(
            target.cpu().numpy(),
            self.trimap_widths,
            ignore_index=self.ignore_index,
            around=self.trimap_around,
        )
        return grouped_confusion_matrix(
            prediction,
            on_device,
            torch.from_numpy(bands).to(prediction.device),
            num_classes,
            len(self.trimap_widths) + 1,
            ignore_index=self.ignore_index,
        )

    def _write(self, prediction: Tensor, sample: dict) -> None:
        ids = self._written_ids(bool(sample.get('reduce_zero_label', False)))
        path = sample['img_path']
        name = self._names.get(path, Path(path).stem)
        check_owner(self._owners, name, path)
        labels = prediction.cpu().numpy().astype(np.uint16)
        classes, palette = map(self.dataset_meta.get, ('classes', 'palette'))
        content = label_png(labels, palette or class_colors(classes), ids)
        write_whole(content, Path(self.output_dir) / f'{name}.png')

    def _written_ids(self, starts_at_1: bool) -> np.ndarray:
        """Return the id in a mask of each class."""
        num_classes = len(self.dataset_meta['classes'])
        if self.ids == 'train':
            return np.arange(num_classes)
        # With reduce_zero_label the data set's own files begin at 1.
        ids = self.label_ids or np.arange(num_classes) + starts_at_1
        if len(ids) != num_classes:
            raise InputError(
                f'label_ids has {len(ids)} ids for {num_classes} classes. Remedy: give '
                'test_evaluator.label_ids one id for each class, or None'
            )
        return np.array(ids)

    def evaluate(self, size: int) -> dict[str, float]:
        """Sum the counts over all processes and return the metrics in percent."""
        if self.format_only:
            print_log(f'predictions are in {self.output_dir}', logger='current')
            return {}
        wrong, self._wrong = int(self._wrong), 0
        if wrong:
            raise InputError(
                f'{wrong} pixels hold a class outside 0..'
                f'{len(self.dataset_meta["classes"]) - 1} in the ground truth or the '
                'prediction: check num_classes, reduce_zero_label and the label files'
            )
        confusion = self._reduced(size).cpu().numpy()
        metrics = self.compute_metrics(confusion)
        if self.report_file is not None and is_main_process():
            write_json(self.report_file, self.report)
        if self.prefix:
            metrics = {f'{self.prefix}/{name}': v for name, v in metrics.items()}
        return metrics

    def _reduced(self, size: int) -> Tensor:
        """Sum the counts of all processes, without images that the sampler repeats."""
        num_classes = len(self.dataset_meta['classes'])
        shape = (len(self.trimap_widths) + 1, num_classes, num_classes)
        return self._pixels.reduced(size, torch.zeros(shape, dtype=torch.long))

    def compute_metrics(self, results: np.ndarray) -> dict[str, float]:
        """Turn the counts ``(B + 1, K, K)`` into metrics; the tables go to the log."""
        classes = self.dataset_meta['classes']
        confusion = results.sum(0)
        options = dict(beta=self.beta, nan_to_num=self.nan_to_num)
        columns = per_class_metrics(confusion, **options)
        summary = summary_metrics(confusion, **options)
        metrics = {name: percent(value) for name, value in summary.items()}
        self.report = dict(
            metrics=metrics,
            per_class={
                label: {name: percent(column[i]) for name, column in columns.items()}
                for i, label in enumerate(classes)
            },
            confusion=confusion.tolist(),
        )
        print_log('\n' + metrics_table(classes, confusion), logger='current')
        if self.trimap_widths:
            trimap = trimap_metrics(
                results[:-1], self.trimap_widths, classes, nan_to_num=self.nan_to_num
            )
            self.report['trimap'] = {'around': self.trimap_around, **trimap}
            print_log('\n' + trimap_table(trimap), logger='current')
            # The bands of a data set without any border are empty and have no mIoU.
            pairs = zip(self.trimap_widths, trimap['mIoU'], strict=True)
            metrics |= {f'trimap{w}_mIoU': v for w, v in pairs if v is not None}
        return metrics


def _mask(data: Tensor) -> Tensor:
    """Drop the leading dimension of ``(1, H, W)``; H or W may be 1, too."""
    return data.reshape(data.shape[-2:])
