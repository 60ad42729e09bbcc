"""``confusion_matrix`` and ``SegmentationMetric`` against ``IoUMetric``."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmseg.evaluation import IoUMetric
from torch import Tensor

from benchmarks.case import Case, Contender, Work, require
from benchmarks.timing import Stopwatch
from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.ops import confusion_matrix

# Classes and size: Cityscapes, ADE20K, VOC.
SHAPES = ((19, (1024, 2048)), (150, (512, 683)), (21, (375, 500)))
WRONG, IGNORED = 0.2, 0.1  # shares of the pixels
GRID = 32  # pixels between independent labels: regions, as in real ones
ROUNDING = 0.0051  # IoUMetric gives percent with two decimals

Shape = tuple[int, tuple[int, int]]


def cases(device: torch.device, *, quick: bool = False) -> Iterator[Case]:
    """Each shape, the counting alone and the whole ``process`` of a metric."""
    for shape in SHAPES[:1] if quick else SHAPES:
        yield make_counting_case(shape, device)
        yield make_metric_case(shape, device)


def make_counting_case(shape: Shape, device: torch.device) -> Case:
    """Return the case of the counting.

    Args:
        shape: Classes and size of the label map.
        device: Of both.
    """
    classes, size = shape
    prediction, target = _labels(shape, device)

    def stock(_: Stopwatch) -> tuple[Tensor, ...]:
        return IoUMetric.intersect_and_union(prediction, target, classes, 255)

    def ours(_: Stopwatch) -> Tensor:
        return confusion_matrix(prediction, target, classes)

    return Case(
        group='confusion_matrix',
        name=_name(shape),
        stock=Contender('intersect_and_union', stock, device),
        ours=Contender('confusion_matrix', ours, device),
        compare=_compare_counts,
        work=_work(size),
    )


def make_metric_case(shape: Shape, device: torch.device) -> Case:
    """Return the case of a metric that is given one image.

    Args:
        shape: Classes and size of the label map.
        device: Of the prediction; labels come on the CPU.
    """
    classes, size = shape
    prediction, target = _labels(shape, device)
    sample = dict(
        pred_sem_seg=dict(data=prediction[None]),
        gt_sem_seg=dict(data=target.cpu()[None]),
    )

    def contender(kind: type[BaseMetric]) -> Contender:
        with _quiet():
            metric = kind()
        metric.dataset_meta = dict(classes=[str(i) for i in range(classes)])

        def run(_: Stopwatch) -> BaseMetric:
            metric.process({}, [sample])
            return metric

        return Contender(f'{kind.__name__}.process', run, device)

    return Case(
        group='SegmentationMetric.process',
        name=_name(shape),
        stock=contender(IoUMetric),
        ours=contender(SegmentationMetric),
        compare=_compare_metrics,
        work=_work(size),
    )


def _name(shape: Shape) -> str:
    return f'{shape[0]} classes, {shape[1][0]} x {shape[1][1]}'


def _work(size: tuple[int, int]) -> Work:
    """No products; two int64 maps are read."""
    return Work(0, 2 * 8 * size[0] * size[1])


def _labels(shape: Shape, device: torch.device) -> tuple[Tensor, Tensor]:
    """Draw a label map in regions and a prediction that is right in most places."""
    classes, size = shape
    torch.manual_seed(0)
    coarse = torch.randint(classes, (1, 1, *(-(-side // GRID) for side in size)))
    target = F.interpolate(coarse.float(), size, mode='nearest')[0, 0].long()
    wrong = torch.rand(size) < WRONG
    prediction = torch.randint(classes, size).where(wrong, target)
    target[torch.rand(size) < IGNORED] = 255
    return prediction.to(device), target.to(device)


def _compare_counts(stock: tuple[Tensor, ...], ours: Tensor) -> dict[str, float]:
    intersect, union, predicted, labelled = (area.cpu().long() for area in stock)
    matrix = ours.cpu()
    rows, columns = matrix.sum(1), matrix.sum(0)
    pairs = (
        (matrix.diag(), intersect),
        (columns + rows - matrix.diag(), union),
        (columns, predicted),
        (rows, labelled),
    )
    errors = dict(counts=max((a - b).abs().max().item() for a, b in pairs))
    require(errors['counts'] == 0, 'confusion_matrix', errors)
    return errors


def _compare_metrics(stock: BaseMetric, ours: BaseMetric) -> dict[str, float]:
    with _quiet():
        expected, found = stock.evaluate(1), ours.evaluate(1)
    common = expected.keys() & found.keys()
    distances = (abs(float(expected[name]) - found[name]) for name in common)
    errors = dict(percent=max(distances))
    same = {'aAcc', 'mIoU', 'mAcc'} <= common and errors['percent'] < ROUNDING
    require(same, 'SegmentationMetric', errors)
    return errors


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the metrics from printing tables, and a warning that they have no prefix."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
