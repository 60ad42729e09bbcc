"""Panoptic quality, and mIoU beside it."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.logging import print_log
from mmseg.registry import METRICS
from prettytable import PrettyTable
from torch import Tensor

from mmseg_deeplab.ops.panoptic_ids import thing_indices
from mmseg_deeplab.utils.errors import InputError

from .metrics import percent
from .panoptic_quality import (
    COLUMNS,
    GROUPS,
    QUALITIES,
    count_segments,
    mean_qualities,
    qualities,
)
from .running_counts import RunningCounts
from .segmentation_metric import SegmentationMetric


@METRICS.register_module()
class PanopticMetric(SegmentationMetric):
    """Panoptic quality by the rules of panopticapi, beside all of the base class.

    It reads ``pred_panoptic_seg`` and ``gt_panoptic_seg``, ids ``(1, H, W)`` as in
    :mod:`mmseg_deeplab.ops.panoptic_ids`, the ground truth at the size of the
    annotation; the rules are in :func:`~.panoptic_quality.count_segments`. PQ, SQ and
    RQ are means over all classes, with ``_th`` over things, with ``_st`` over stuff;
    classes that never occur are left out. ``report['panoptic']`` has the metrics and
    the counts of each class. Like the base class it keeps counts only, and processes
    exchange these.

    Args:
        min_area: If given, the metrics are also reported without things of fewer pixels
            (``min16_PQ`` and so on): many are too small for a network of output stride
            4 or more.
        **kwargs: Passed to :class:`SegmentationMetric`.
    """

    def __init__(self, *, min_area: int | None = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self.min_areas = [0] if min_area is None else [0, min_area]
        self._segments = RunningCounts(keep=self.keep_results)
        self._segment_counts = np.zeros(0)

    def _count(self, prediction: Tensor, sample: dict) -> None:
        super()._count(prediction, sample)
        maps = []
        for name in ('pred_panoptic_seg', 'gt_panoptic_seg'):
            if name not in sample:
                raise InputError(
                    f'{sample.get("img_path")}: the sample has no {name}. '
                    'PanopticMetric needs a PanopticDeepLab, and '
                    "dict(type='LoadPanopticAnnotations') and "
                    "dict(type='PackPanopticInputs') in test_pipeline"
                )
            data = sample[name]['data']
            maps.append(data.reshape(data.shape[-2:]).to(prediction.device))
        counts = count_segments(*maps, self._is_thing(), min_areas=self.min_areas)
        self._segments.add(counts.cpu())

    def _is_thing(self) -> list[bool]:
        things = thing_indices(self.dataset_meta)
        if not things:
            raise InputError(
                'the data set does not say which classes have instances. Remedy: '
                "metainfo=dict(thing_classes=['car', ...])"
            )
        return [number in things for number in range(len(self.dataset_meta['classes']))]

    def _reduced(self, size: int) -> Tensor:
        shape = len(self.min_areas), len(self.dataset_meta['classes']), len(COLUMNS)
        nothing = torch.zeros(shape, dtype=torch.double)
        self._segment_counts = self._segments.reduced(size, nothing).numpy()
        return super()._reduced(size)

    def compute_metrics(self, results: np.ndarray) -> dict[str, float]:
        """Add the panoptic metrics to those of the base class, in percent."""
        metrics = super().compute_metrics(results)
        is_thing, classes = self._is_thing(), self.dataset_meta['classes']
        for least, counts in zip(self.min_areas, self._segment_counts, strict=True):
            prefix = f'min{least}_' if least else ''
            found = mean_qualities(counts, is_thing, prefix=prefix)
            metrics |= {n: percent(v) for n, v in found.items() if not np.isnan(v)}
        counts = self._segment_counts[0]
        self.report['metrics'] = metrics
        self.report['panoptic'] = _per_class(counts, classes)
        for label, row in self.report['panoptic'].items():
            self.report['per_class'][label] |= {name: row[name] for name in QUALITIES}
        table = _table(self.report['panoptic'], metrics)
        print_log(f'\n{table}', logger='current')
        return metrics


def _per_class(counts: np.ndarray, classes: Sequence[str]) -> dict[str, dict]:
    """Return the metrics of each class in percent, and its counts."""
    columns = qualities(counts)
    return {
        label: {name: percent(column[i]) for name, column in columns.items()}
        | dict(zip(('iou_sum', 'TP', 'FP', 'FN'), counts[i].tolist(), strict=True))
        for i, label in enumerate(classes)
    }


def _table(per_class: dict[str, dict], metrics: dict[str, float]) -> PrettyTable:
    """Return the metrics of each class, and the means below them."""
    counts = ('TP', 'FP', 'FN')
    table = PrettyTable(['class', *QUALITIES, *counts])
    table.align, table.align['class'] = 'r', 'l'
    for label, row in per_class.items():
        values = [*map(_cell, map(row.get, QUALITIES)), *(int(row[n]) for n in counts)]
        table.add_row([label, *values], divider=label == list(per_class)[-1])
    for ending, name in GROUPS.items():
        means = (_cell(metrics.get(quality + ending)) for quality in QUALITIES)
        table.add_row([name, *means, '', '', ''])
    return table


def _cell(value: float | None) -> str:
    return '-' if value is None else f'{value:.2f}'
