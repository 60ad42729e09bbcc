"""Images, logits and labels between the scales of a multi-scale network.

There are two rules. ``'align_corners'`` is Caffe's ``Interp`` layer, of the DeepLab v2
release and of isht7/pytorch-deeplab-resnet: the outermost pixels stay where they are.
``'scale_factor'`` is kazuto1011/deeplab-pytorch: steps of exactly ``1 / scale`` from
the upper left edge, as many as fit: ``F.interpolate(scale_factor=scale,
align_corners=False)``.
"""

from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError

RULES = ('align_corners', 'scale_factor')
MAX_DENOMINATOR = 1000  # 0.1 and 1/3 are meant as written


def resize_images(images: Tensor, scale: float, rule: str) -> Tensor:
    """Return images at another scale, bilinearly.

    A side of ``L`` becomes ``(L - 1) * scale + 1``, rounded, under ``'align_corners'``
    (as in the release), and ``floor(L * scale)`` under ``'scale_factor'``.
    """
    if scale == 1:
        return images
    if rule == 'align_corners':
        # In integers, which exported graphs keep as functions of the size.
        up, down = Fraction(scale).limit_denominator(MAX_DENOMINATOR).as_integer_ratio()
        size = [
            (2 * (side - 1) * up + down) // (2 * down) + 1 for side in images.shape[-2:]
        ]
        return F.interpolate(images, size=size, mode='bilinear', align_corners=True)
    if any(side * scale < 1 for side in images.shape[-2:]):
        raise InputError(
            f'an image of {tuple(images.shape[-2:])} has no pixel left at scale '
            f"{scale}; take resize='align_corners' or larger images"
        )
    return F.interpolate(
        images, scale_factor=scale, mode='bilinear', align_corners=False
    )


def resize_logits(logits: Tensor, size: tuple[int, int], rule: str) -> Tensor:
    """Return logits ``(N, K, h, w)`` on another grid, bilinearly."""
    if tuple(logits.shape[-2:]) == tuple(size):
        return logits
    return F.interpolate(
        logits, size=size, mode='bilinear', align_corners=rule == 'align_corners'
    )


def subsample_labels(labels: Tensor, size: tuple[int, int], rule: str) -> Tensor:
    """Return the labels ``(..., H, W)`` at the points of a coarser grid.

    Under ``'align_corners'`` it spans the outermost pixels: 321 labels on 41 points are
    every eighth, as in the release. Under ``'scale_factor'`` a point takes the label at
    the centre of its cell, as Pillow's ``NEAREST`` in kazuto1011's training.
    """
    rows, columns = (
        _nearest(side, torch.arange(count, device=labels.device), rule)
        for side, count in zip(labels.shape[-2:], size, strict=True)
    )
    return labels[..., rows[:, None], columns]


def _nearest(side: int, points: Tensor, rule: str) -> Tensor:
    """Return which of ``side`` pixels each of the points 0, 1, 2, ... takes."""
    count = len(points)
    if rule == 'scale_factor':
        return (2 * points + 1) * side // (2 * count)
    steps = max(count - 1, 1)
    return (2 * points * (side - 1) + steps) // (2 * steps)
