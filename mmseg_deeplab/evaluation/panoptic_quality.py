"""Panoptic quality by the rules of panopticapi (arXiv 1801.00868, section 4)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmseg_deeplab.ops.panoptic_ids import LABEL_DIVISOR, VOID_ID
from mmseg_deeplab.utils.errors import InputError

COLUMNS = IOU_SUM, TP, FP, FN = range(4)
QUALITIES = ('PQ', 'SQ', 'RQ')
# The ending of a metric's name, as in detectron2.
GROUPS = {'': 'all', '_th': 'things', '_st': 'stuff'}


class Segments(NamedTuple):
    """The segments of one map, without pixels that belong to none."""

    index: Tensor  # (H, W): 0 where there is none, else its position from 1 on
    classes: Tensor  # (S + 1,), -1 for none
    numbers: Tensor  # (S + 1,)


def find_segments(ids: Tensor, void: Tensor) -> Segments:
    """Number the ids of a map; ``void`` is set where there is none, ``(H, W)``."""
    shifted = (ids.long() + 1).masked_fill(void, 0)
    present = shifted.flatten().bincount() > 0
    present[0] = True  # even where each pixel has an id
    found = present.nonzero()[:, 0] - 1
    table = present.cumsum(0) - 1
    return Segments(
        table[shifted],
        torch.div(found, LABEL_DIVISOR, rounding_mode='floor'),
        found % LABEL_DIVISOR,
    )


def count_segments(
    prediction: Tensor,
    target: Tensor,
    is_thing: Sequence[bool],
    *,
    min_areas: Sequence[int] = (0,),
) -> Tensor:
    """Match the segments of one image, and count hits and misses of each class.

    A prediction and a segment of the ground truth match if they have the same class and
    an IoU above 0.5, where pixels without ground truth do not count. A segment without
    a partner is a miss. A prediction without one is false, unless more than half of it
    has no ground truth or is a crowd of its class. A crowd never matches. All crowds of
    a class are one segment here; where an image has several, panopticapi looks at the
    last one only.

    Both are ids ``(H, W)``: negative in the prediction where there is no segment, 255
    in the target for void. For each of ``min_areas`` things of fewer pixels do not
    count. Returns the sum of the IoUs of the matches, numbers of matches, of false
    predictions and of misses: ``(A, K, 4)``, float64.
    """
    predicted = find_segments(prediction, prediction < 0)
    true = find_segments(target, target == VOID_ID)
    shape = len(true.classes), len(predicted.classes)
    pairs = true.index * shape[1] + predicted.index
    areas = pairs.flatten().bincount(minlength=shape[0] * shape[1]).view(shape)
    things = torch.tensor([*is_thing, False], device=areas.device)  # -1: no segment
    _check_classes(predicted, true, len(things) - 1)
    return torch.stack(
        [_count_pairs(areas.clone(), predicted, true, things, least)
         for least in min_areas]
    )  # fmt: skip


def _check_classes(predicted: Segments, true: Segments, num_classes: int) -> None:
    for name, segments in (('prediction', predicted), ('ground truth', true)):
        highest = int(segments.classes.max())
        if highest >= num_classes:
            raise InputError(
                f'the {name} has the panoptic class {highest}, expected 0..'
                f'{num_classes - 1}: ids are class * {LABEL_DIVISOR} + number'
            )


def _count_pairs(
    areas: Tensor, predicted: Segments, true: Segments, things: Tensor, least: int
) -> Tensor:
    """Count the segments whose common areas are given, ``(K, 4)``."""
    crowd = things[true.classes] & (true.numbers == 0)
    tiny = things[true.classes] & ~crowd & (areas.sum(1) < least)
    areas[0] += areas[tiny].sum(0)
    areas[tiny] = 0
    counted = (true.classes >= 0) & ~crowd & ~tiny
    unlabelled = areas[0]
    predicted_area = areas.sum(0)
    union = areas.sum(1, keepdim=True) + predicted_area - unlabelled - areas
    same_class = true.classes[:, None] == predicted.classes
    iou = areas.double() / union.clamp(min=1)
    match = (iou > 0.5) & same_class & counted[:, None]
    excused = unlabelled + (areas * (same_class & crowd[:, None])).sum(0)
    false = (predicted.classes >= 0) & ~match.any(0)
    false &= 2 * excused <= predicted_area
    false &= ~(things[predicted.classes] & (predicted_area < least))
    missed = counted & ~match.any(1)
    result = torch.zeros(len(things), len(COLUMNS), dtype=iou.dtype, device=iou.device)
    hits = match.any(1)
    result[:, IOU_SUM].index_add_(0, true.classes[hits], iou[match])
    for column, segments in ((TP, true.classes[hits]), (FN, true.classes[missed]),
                             (FP, predicted.classes[false])):  # fmt: skip
        result[:, column] += segments.bincount(minlength=len(things))
    return result[:-1]


def qualities(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return PQ, SQ and RQ of each class, 0..1, from counts ``(K, 4)``.

    NaN where a class does not occur; SQ is 0 without a match, as in panopticapi.
    """
    iou_sum, tp, fp, fn = counts.T
    with np.errstate(divide='ignore', invalid='ignore'):
        segments = tp + fp / 2 + fn / 2
        sq = np.where(segments > 0, iou_sum / np.maximum(tp, 1), np.nan)
        return dict(PQ=iou_sum / segments, SQ=sq, RQ=tp / segments)


def mean_qualities(
    counts: np.ndarray, is_thing: Sequence[bool], *, prefix: str = ''
) -> dict[str, float]:
    """Return the means over all classes that occur, things and stuff."""
    things = np.array(is_thing, bool)
    chosen = np.ones_like(things), things, ~things
    found = {}
    for ending, classes in zip(GROUPS, chosen, strict=True):
        for name, values in qualities(counts[classes]).items():
            values = values[~np.isnan(values)]
            found[prefix + name + ending] = values.mean() if len(values) else np.nan
    return found
