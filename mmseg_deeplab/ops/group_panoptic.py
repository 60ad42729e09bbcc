"""Grouping of Panoptic-DeepLab: from semantics, centres and offsets to instances."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from .panoptic_ids import IGNORED_CLASS, LABEL_DIVISOR

GRID = 128  # cells in each direction for which candidates of the centre are found
OUTSIDE = GRID * GRID  # what has every centre as its candidate
BLOCK = 2**18  # points at a time
MARGIN = 0.01  # pixels; far above the rounding of float32 distances


def group_panoptic(
    semantic: Tensor,
    center: Tensor,
    offset: Tensor,
    *,
    thing_classes: Sequence[int],
    threshold: float = 0.1,
    nms_kernel: int = 7,
    top_k: int = 200,
    stuff_area: int = 2048,
) -> Tensor:
    """Assign each pixel of one image to a stuff class or to an instance.

    Section 3.3 of the Panoptic-DeepLab paper (https://arxiv.org/abs/1911.10194) with
    the rules of its implementation in detectron2, ties included. Each pixel of a thing
    belongs to the centre nearest to where its offset points, on ties to the first in
    row order. An instance has the class that most of its pixels have, on ties the
    smallest. Things are void where there is no centre, and so is a stuff class that is
    too small.

    Args:
        semantic: Class of each pixel, ``(H, W)`` or ``(1, H, W)``, any integer dtype;
            255 is void.
        center: Heat of the centres, ``(H, W)`` or ``(1, H, W)``.
        offset: Rows and columns from each pixel to its centre, ``(2, H, W)``.
        thing_classes: Classes that have instances.
        threshold: Centres are hotter than this.
        nms_kernel: Side of the square in which a centre is the hottest pixel; odd.
        top_k: From this number of centres on, those hotter than the ``top_k``-th stay.
        stuff_area: Smallest area of a stuff class in pixels.

    Returns:
        Ids ``(H, W)``, int32, on the device of ``semantic``: the class times
        :data:`LABEL_DIVISOR`, plus the number of the instance, 0 for stuff; -1 is void.

    Raises:
        ValueError: If the shapes do not fit, or ``nms_kernel`` is even.
    """
    semantic = semantic.reshape(semantic.shape[-2:])
    _check_shapes(semantic, center, offset)
    centers = find_centers(
        center, threshold=threshold, nms_kernel=nms_kernel, top_k=top_k
    )
    classes = semantic.flatten().long()
    num_classes = 1 + max(int(classes.max()), *thing_classes, IGNORED_CLASS)
    is_thing = torch.zeros(num_classes, dtype=torch.bool, device=classes.device)
    is_thing[list(thing_classes)] = True
    kept = (classes.bincount(minlength=num_classes) >= stuff_area) & ~is_thing
    result = _stuff_ids(kept)[classes]
    things = is_thing[classes].nonzero()[:, 0]
    if len(centers) and len(things):
        nearest = _nearest_centers(things, offset, centers)
        pairs = nearest * num_classes + classes[things]
        votes = pairs.bincount(minlength=len(centers) * num_classes)
        ids = _instance_ids(votes.view(-1, num_classes))
        result[things] = ids.int()[nearest]
    return result.view_as(semantic)


def find_centers(
    center: Tensor, *, threshold: float = 0.1, nms_kernel: int = 7, top_k: int = 200
) -> Tensor:
    """Find the peaks of a heat map in row order: ``(C, 2)`` rows and columns.

    The arguments are those of :func:`group_panoptic`. All pixels of a plateau are
    peaks. Centres as hot as the ``top_k``-th are left out, as in detectron2, so that
    fewer than ``top_k`` remain.
    """
    if nms_kernel % 2 == 0:
        raise ValueError(f'nms_kernel={nms_kernel}: expected an odd number of pixels')
    heat = center.reshape(1, 1, *center.shape[-2:]).float()
    half = nms_kernel // 2
    hottest = F.max_pool2d(heat, (nms_kernel, 1), 1, (half, 0))
    hottest = F.max_pool2d(hottest, (1, nms_kernel), 1, (0, half))
    peaks = ((heat == hottest) & (heat > threshold))[0, 0].nonzero()
    if len(peaks) < top_k:
        return peaks
    values = heat[0, 0][peaks[:, 0], peaks[:, 1]]
    return peaks[values > values.topk(top_k).values[-1]]


def _check_shapes(semantic: Tensor, center: Tensor, offset: Tensor) -> None:
    size = tuple(semantic.shape)
    if (
        semantic.numel() == 0
        or center.numel() != semantic.numel()
        or center.shape[-2:] != size
        or offset.shape != (2, *size)
    ):
        raise ValueError(
            f'semantic {size}, center {tuple(center.shape)} and offset '
            f'{tuple(offset.shape)}: expected (H, W), (1, H, W) and (2, H, W) of one '
            'image'
        )


def _nearest_centers(pixels: Tensor, offset: Tensor, centers: Tensor) -> Tensor:
    """Return the index of the centre nearest to pixel + offset, for flat pixels."""
    height, width = offset.shape[1:]
    rows = torch.div(pixels, width, rounding_mode='floor')
    columns = pixels - rows * width
    points = torch.stack(
        [places + part.flatten()[pixels]
         for places, part in zip((rows, columns), offset, strict=True)]
    ).float().nan_to_num_()  # fmt: skip
    # A grid around the points, but not around those far away from the image.
    size = torch.tensor([[height], [width]], device=points.device)
    low = points.amin(1, keepdim=True).clamp(min=-size)
    high = points.amax(1, keepdim=True).clamp(max=2 * size)
    side = (high - low + 1).clamp(min=1) / GRID
    candidates = _candidates(low, side, centers)
    nearest = torch.empty_like(pixels)
    for part, found in zip(points.split(BLOCK, 1), nearest.split(BLOCK), strict=True):
        cells = (part - low).div_(side).floor_()
        inside = ((cells >= 0) & (cells < GRID)).all(0)
        cells = (cells[0] * GRID + cells[1]).where(inside, OUTSIDE).long()
        _choose(part, cells, centers.float(), candidates, found)
    return nearest


def _choose(
    points: Tensor,
    cells: Tensor,
    centers: Tensor,
    candidates: tuple[Tensor, Tensor, Tensor],
    nearest: Tensor,
) -> None:
    """Write the nearest centre of each point; the first candidate wins a tie."""
    first, count, listed = candidates
    first, count = first[cells], count[cells]
    nearest.copy_(listed[first])
    best = None
    for number in range(1, int(count.max())):
        rest = (count > number).nonzero()[:, 0]
        if best is None:
            best = _distance(points, centers[nearest])
        other = listed[first[rest] + number]
        distance = _distance(points[:, rest], centers[other])
        nearer = (distance < best[rest]).nonzero()[:, 0]
        best[rest[nearer]] = distance[nearer]
        nearest[rest[nearer]] = other[nearer]


def _distance(points: Tensor, centers: Tensor) -> Tensor:
    """Return the distance of points ``(2, P)`` from centres ``(P, 2)``, in float32.

    The root stays: it makes ties of distances that differ in the last digit, and the
    first centre wins these, too.
    """
    rows, columns = points[0] - centers[:, 0], points[1] - centers[:, 1]
    return (rows.square_() + columns.square_()).sqrt_()


def _candidates(
    low: Tensor, side: Tensor, centers: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """List the centres that can be the nearest to a point, for each cell of a grid.

    Such a centre is at most a diagonal of the cell farther from the cell's middle than
    the nearest one. The last list holds all centres, for points outside the grid.
    Returns the first position of each cell in the list, the number of its centres, and
    the list.
    """
    steps = torch.arange(GRID, device=low.device, dtype=torch.double) + 0.5
    rows, columns = low.double() + steps * side.double()
    reach = torch.linalg.vector_norm(side.double()) + MARGIN
    counts, listed = [], []
    every = torch.arange(len(centers), device=low.device)
    centers = centers.double()
    for part in rows.split(max(1, BLOCK // (GRID * len(centers)))):
        middles = torch.cartesian_prod(part, columns)
        distance = torch.cdist(
            middles, centers, compute_mode='donot_use_mm_for_euclid_dist'
        )
        near = distance <= distance.amin(1, keepdim=True) + reach
        counts.append(near.sum(1))
        listed.append(near.nonzero()[:, 1])
    count = torch.cat([*counts, every.new_tensor([len(centers)])])
    return count.cumsum(0) - count, count, torch.cat([*listed, every])


def _stuff_ids(kept: Tensor) -> Tensor:
    """Return the id of each class of which all pixels are one segment."""
    kept[IGNORED_CLASS] = False
    ids = torch.arange(len(kept), device=kept.device) * LABEL_DIVISOR
    return ids.where(kept, -1).int()


def _instance_ids(votes: Tensor) -> Tensor:
    """Return the id of each centre from its pixels in each class ``(C, K)``."""
    num_classes = votes.shape[1]
    classes = torch.arange(num_classes, device=votes.device)
    winner = (votes * num_classes - classes).argmax(1)  # no ties are left
    counted = votes.sum(1, keepdim=True) > 0
    hits = (winner[:, None] == classes) & counted
    number = (hits.cumsum(0) * hits).sum(1)
    return winner * LABEL_DIVISOR + number
