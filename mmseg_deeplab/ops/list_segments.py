"""The list of segments of a panoptic map: class, area and score of each."""

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor

from .panoptic_ids import LABEL_DIVISOR


def list_segments(
    ids: Tensor,
    confidence: Tensor,
    heat: Tensor,
    *,
    thing_classes: Collection[int],
) -> list[dict[str, Any]]:
    """Describe every segment of panoptic ids ``(H, W)``, negative where nothing is.

    ``confidence`` is the probability of each pixel's class and ``heat`` that of the
    centres, ``(H, W)`` both. A segment has ``id``, ``category_id``, ``isthing``,
    ``area`` in pixels and ``score``: the mean probability of its pixels, of an instance
    times the heat at its centre of mass (detectron2's score for the average precision).
    """
    inside = ids.flatten() >= 0
    flat = ids.flatten()[inside].long()
    areas = flat.bincount()
    found = areas.nonzero()[:, 0]
    place = (areas > 0).cumsum(0)[flat] - 1  # of each pixel's id in `found`
    areas = areas[found]

    def mean(values: Tensor) -> Tensor:
        sums = place.bincount(values.flatten()[inside].double(), minlength=len(found))
        return sums / areas

    rows, columns = (torch.arange(side, device=ids.device) for side in ids.shape)
    center_rows = mean(rows[:, None].expand_as(ids)).long()
    center_columns = mean(columns.expand_as(ids)).long()
    scores = mean(confidence)
    heats = heat[center_rows, center_columns].double().clamp(0, 1)
    segments = []
    values = (found, areas, scores, heats)
    for id_, area, score, at_center in zip(*(v.tolist() for v in values), strict=True):
        category = id_ // LABEL_DIVISOR
        isthing = category in thing_classes
        segments.append(
            dict(
                id=id_,
                category_id=category,
                isthing=isthing,
                score=score * at_center if isthing else score,
                area=area,
            )
        )
    return segments
