"""Outlines of the areas in a mask, along the edges of its pixels.

The first pixel reaches from 0 to 1, as in annotation tools, so that a mask drawn from
these polygons by the centres of its pixels is the same again.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from .predictor import Prediction

Polygon = list[np.ndarray]  # the outer ring, then those of holes: (P, 2) x and y


@dataclass(frozen=True)
class Area:
    """A connected area of a class, or all areas of an instance."""

    category: int
    polygons: list[Polygon]
    instance: int | None = None

    @property
    def size(self) -> float:
        """Pixels inside."""
        return sum(
            _shoelace(outer) - sum(map(_shoelace, holes))
            for outer, *holes in self.polygons
        )


def trace_prediction(
    prediction: Prediction, left_out: Collection[int], tolerance: float
) -> Iterator[Area]:
    """Yield the areas of a prediction, without those of the classes ``left_out``.

    A panoptic one has one area for each segment. See :func:`trace` for ``tolerance``.
    """
    segments = prediction.segments
    if segments is None:
        yield from trace(prediction.labels, left_out, tolerance)
        return
    found: dict[int, list[Polygon]] = {}
    for area in trace(segments.ids, (), tolerance):
        found.setdefault(area.category, []).extend(area.polygons)
    for info in segments.infos:
        if info['category_id'] not in left_out and info['id'] in found:
            instance = info['id'] if info['isthing'] else None
            yield Area(info['category_id'], found[info['id']], instance)


def trace(
    values: Any,
    left_out: Collection[int],
    tolerance: float = 0.0,
    from_map: Sequence[float] | None = None,
) -> Iterator[Area]:
    """Yield the connected areas of each value of ``(H, W)``, or of a raster's band.

    GDAL gives those of a band in map coordinates; ``from_map`` makes pixels of them,
    see :func:`move`. Pixels that touch at a corner alone are not connected. Points are
    left out that are less than ``tolerance`` pixels from the line between others
    (Douglas-Peucker).
    """
    from rasterio import features  # which is optional

    for shape, value in features.shapes(values):
        if int(value) not in left_out:
            rings = [np.array(ring[:-1]) for ring in shape['coordinates']]
            if from_map:
                rings = [np.rint(move(ring, from_map)) for ring in rings]
            if tolerance:
                rings = [_simplify(ring, tolerance) for ring in rings]
            yield Area(int(value), [rings])


def move(points: np.ndarray, transform: Sequence[float]) -> np.ndarray:
    """Make (a x + b y + c, d x + e y + f) of x and y, ``(P, 2)``, by a, ..., f."""
    a, b, c, d, e, f = transform[:6]
    return points @ np.array([[a, d], [b, e]]) + np.array([c, f])


def join_holes(polygon: Polygon) -> np.ndarray:
    """Return one ring, for formats that have no holes.

    A cut of no width leads from each hole to the left, where it meets the ring; it is
    walked in both directions, so that it encloses nothing.
    """
    ring, *holes = polygon
    for hole in sorted(holes, key=lambda one: one[:, 0].min()):
        hole = np.roll(hole, -hole[:, 0].argmin(), axis=0)
        edge, place = _to_the_left(ring, hole[0])
        parts = ring[: edge + 1], place, hole, hole[:1], place, ring[edge + 1 :]
        ring = np.concatenate(parts)
    return ring


def _to_the_left(ring: np.ndarray, point: np.ndarray) -> tuple[int, np.ndarray]:
    """Return the edge of a ring that a row meets first, and where, ``(1, 2)``."""
    x, y = point
    x0, y0 = ring.T
    x1, y1 = np.roll(ring, -1, axis=0).T
    rise = np.where(y0 == y1, np.nan, y1 - y0)  # a row meets the neighbours of others
    at = x0 + (y - y0) / rise * (x1 - x0)
    meets = (np.minimum(y0, y1) <= y) & (y <= np.maximum(y0, y1)) & (at <= x)
    if not meets.any():  # simplified rings may cross
        return 0, ring[:1]
    edge = int(np.where(meets, at, -np.inf).argmax())
    return edge, np.array([[at[edge], y]])


def _simplify(ring: np.ndarray, tolerance: float) -> np.ndarray:
    points = cv2.approxPolyDP(ring.astype(np.float32)[:, None], tolerance, closed=True)
    return points[:, 0].astype(np.float64) if len(points) > 2 else ring


def _shoelace(ring: np.ndarray) -> float:
    x, y = ring.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2
