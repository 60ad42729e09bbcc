"""Labels at full size straight from low-resolution logits."""

from collections.abc import Sequence

import torch
from torch import Tensor

from . import triton_upsample
from .bilinear_rows import BilinearRows, check_logits


@torch.no_grad()
def upsample_argmax(
    logits: Tensor, size: Sequence[int], *, align_corners: bool = False
) -> Tensor:
    """Bilinear upsampling and argmax, block by block: no full-size logits.

    Equal to ``F.interpolate(logits.float(), size, mode='bilinear').argmax(1)``, the
    last step of every DeepLab at test time (v3+ paper, section 4), up to pixels whose
    two best classes differ by rounding. The width is interpolated once, the rows in
    blocks that stay in the cache, and only labels are kept. On CUDA one Triton kernel
    does this where it can: see :mod:`.triton_upsample`, and how to switch it off.

    Args:
        logits: ``(N, K, h, w)``, finite, any floating dtype, device and strides.
            float16 and bfloat16 are computed in float32, float64 in float64.
        size: Output size ``(H, W)`` in pixels, larger or smaller than ``(h, w)``.
        align_corners: See :func:`torch.nn.functional.interpolate`.

    Returns:
        ``(N, H, W)`` int64 labels on the device of ``logits``; the lowest class among
        equal logits. A pixel with a NaN gets some class in ``0 ... K-1``.

    Raises:
        ValueError: If the shape of ``logits`` or ``size`` is not as described.
        TypeError: If ``logits`` are integers.
    """
    check_logits(logits)
    if len(size) != 2 or any(int(s) != s or s < 1 for s in size):
        raise ValueError(
            f'size must be (H, W), two positive integers, got {tuple(size)}'
        )
    size = int(size[0]), int(size[1])
    task = logits, size, align_corners
    if triton_upsample.wanted(logits):
        return triton_upsample.attempt(
            triton_upsample.argmax_labels, _argmax_by_rows, *task
        )
    return _argmax_by_rows(*task)


def _argmax_by_rows(
    logits: Tensor, size: tuple[int, int], align_corners: bool
) -> Tensor:
    """Return the labels by torch alone."""
    labels = logits.new_empty((len(logits), *size), dtype=torch.long)
    resize = BilinearRows(logits, size, align_corners)
    for images in resize.chunks():
        part = logits[images]
        for band in resize.bands(len(part)):
            wide = resize.widen(part, band)
            for block in band.blocks:
                full = resize.expand(wide, band, block)
                labels[images, block.rows] = _first_largest(full)
    return labels


def _first_largest(logits: Tensor) -> Tensor:
    """Return the lowest index of the largest logit along dimension 1.

    ``Tensor.argmax`` over a strided dimension is scalar code on CPU, about 15 times
    slower than these two vectorised maxima.
    """
    classes = logits.shape[1]
    fits_byte = classes < 256
    dtype = torch.uint8 if fits_byte else torch.int32
    rank = torch.arange(classes, 0, -1, dtype=dtype, device=logits.device).view(
        -1, 1, 1
    )
    reached = logits >= logits.amax(1, keepdim=True)
    ranked = reached.view(torch.uint8).mul_(rank) if fits_byte else reached * rank
    # A NaN reaches nothing, rank 0: the last class stands in.
    return (classes - ranked.amax(1)).clamp_(max=classes - 1)
