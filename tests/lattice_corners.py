"""Corners of the permutohedral lattice by the paper's algorithm."""

import torch
from torch import Tensor

from mmseg_deeplab.ops.permutohedral import _elevation


def corner_coordinates(points: Tensor) -> Tensor:
    """Return the corners around points ``(P, d)``: ``(P, d + 1, d + 1)`` integers."""
    dim = points.shape[1]
    height = (points @ _elevation(dim).t()) * (dim + 1)
    nearest = (height / (dim + 1)).round() * (dim + 1)
    corners = []
    for elevated, point in zip(height, nearest, strict=True):
        excess = int(point.sum()) // (dim + 1)
        order = (elevated - point).argsort(descending=True).tolist()
        # Too large a sum: the smallest offsets step back, and the other way round.
        for i in range(abs(excess)):
            axis = order[-1 - i] if excess > 0 else order[i]
            point[axis] -= (dim + 1) if excess > 0 else -(dim + 1)
        order = (elevated - point).argsort(descending=True).tolist()
        for remainder in range(dim + 1):
            corner = point + remainder
            corner[order[dim + 1 - remainder :]] -= dim + 1
            corners.append(corner)
    return torch.stack(corners).view(len(points), dim + 1, dim + 1).long()
