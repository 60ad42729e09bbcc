"""Mean field inference in a fully connected CRF."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_deeplab.ops.gaussian_filter import (
    gaussian_filter,
    gaussian_scale,
    gaussian_taps,
)
from mmseg_deeplab.ops.permutohedral import PermutohedralLattice

# pydensecrf's users, from DeepLab's own script on, cut probabilities off here.
_SMALLEST = 1e-5
# A strip of the image is made in one go: logits, messages and result stay in the cache.
_STRIP_BYTES = 1 << 22


class CRFKernels(NamedTuple):
    """The parts of the kernels that depend on the image and on the widths alone."""

    lattice: PermutohedralLattice  # of the bilateral kernel, normalised
    taps: Tensor  # of the spatial kernel, (2 r + 1,)
    rows: Tensor  # normalisation of the spatial kernel in each row, (H,)
    columns: Tensor  # the same in each column, (W,)

    @classmethod
    def of_image(
        cls,
        image: Tensor,
        bilateral_xy: Tensor,
        bilateral_rgb: Tensor,
        gaussian_xy: Tensor,
    ) -> 'CRFKernels':
        """Prepare the kernels of an RGB image ``(3, H, W)``.

        Gradients reach the widths. With an image of float64 all is computed in float64.
        """
        dtype = torch.float64 if image.dtype == torch.float64 else torch.float32
        height, width = image.shape[1:]
        rows = torch.arange(height, dtype=dtype, device=image.device)
        columns = torch.arange(width, dtype=dtype, device=image.device)
        places = torch.stack(torch.meshgrid(columns, rows, indexing='xy'))
        features = torch.cat([places / bilateral_xy, image.to(dtype) / bilateral_rgb])
        lattice = PermutohedralLattice(features.flatten(1).t()).normalised()
        taps = gaussian_taps(gaussian_xy.to(rows), longest=max(height, width) - 1)
        scales = (gaussian_scale(taps, side) for side in (height, width))
        return cls(lattice, taps, *scales)


def mean_field(
    probabilities: Tensor,
    kernels: CRFKernels,
    num_iterations: int,
    bilateral_weight: Tensor,
    gaussian_weight: Tensor,
    compatibility: Tensor | None = None,
) -> Tensor:
    """Run ``Q <- softmax(log p + (w_1 K_1 Q + w_2 K_2 Q) C)`` from ``Q = p``.

    Both are ``(K, H, W)``; without ``compatibility``, ``C`` is the identity. With
    gradients each iteration is one graph over the whole image; without, the image goes
    strip by strip and little but ``log p`` and two ``Q`` is in memory.
    """
    dtype = kernels.taps.dtype
    with torch.autocast(probabilities.device.type, enabled=False):
        # Classes last: a pixel's logits lie in one or two cache lines.
        unary = probabilities.permute(1, 2, 0).to(dtype).contiguous()
        unary = unary.clamp(min=_SMALLEST).log()
        weights = [w.to(unary) for w in (bilateral_weight, gaussian_weight)]
        matrix = None if compatibility is None else compatibility.to(unary)
        parts = (*weights, matrix, unary, kernels.lattice, kernels.taps)
        needs_graph = any(part is not None and part.requires_grad for part in parts)
        if needs_graph and torch.is_grad_enabled():
            iterate = partial(_iterate, unary, kernels, weights, matrix)
        else:
            iterate = _Strips(unary, kernels, weights, matrix).iterate
        q = unary.softmax(2)
        for _ in range(num_iterations):
            q = iterate(q)
    return q.permute(2, 0, 1)


# All tensors below are (H, W, K).


def _iterate(
    unary: Tensor,
    kernels: CRFKernels,
    weights: Sequence[Tensor],
    matrix: Tensor | None,
    q: Tensor,
) -> Tensor:
    """Run one iteration over the whole image, with a graph."""
    lattice, taps, rows, columns = kernels
    scale = torch.outer(rows, columns).unsqueeze(2)
    smooth = gaussian_filter(q * scale, taps) * scale
    bilateral = lattice.filter(q.flatten(0, 1)).view_as(q)
    messages = weights[0] * bilateral + weights[1] * smooth
    if matrix is not None:
        messages = messages @ matrix
    return (unary + messages).softmax(2)


class _Strips:
    """Iterations without a graph, strip by strip, in two tensors in turns."""

    def __init__(
        self,
        unary: Tensor,
        kernels: CRFKernels,
        weights: Sequence[Tensor],
        matrix: Tensor | None,
    ) -> None:
        self.unary, self.matrix = unary, matrix
        self.lattice, self.taps, rows, columns = kernels
        bilateral_weight, gaussian_weight = weights
        # The weights go where they cost nothing: into the corners' and the columns'.
        self.corner_weights = self.lattice.weights * bilateral_weight
        middle = rows[len(rows) // 2]
        self.rows = (rows / middle).unsqueeze(1)
        across = (columns * middle).repeat_interleave(unary.shape[2])
        self.before, self.after = across, across * gaussian_weight
        self.spare = torch.empty_like(unary)
        self.height = len(unary)
        if unary.device.type == 'cpu':
            self.height = max(1, _STRIP_BYTES // unary[0].nbytes)

    def iterate(self, q: Tensor) -> Tensor:
        values = self.lattice.blur(self.lattice.splat(q.flatten(0, 1)))
        new, self.spare = self.spare, q
        for top in range(0, len(q), self.height):
            strip = slice(top, min(top + self.height, len(q)))
            logits = self._spatial(q, strip)
            points = slice(strip.start * q.shape[1], strip.stop * q.shape[1])
            bilateral = self.lattice.slice(values, points, self.corner_weights)
            logits += bilateral.view_as(logits)
            if self.matrix is not None:
                logits = logits @ self.matrix
                logits += self.unary[strip]
            torch.softmax(logits, 2, out=new[strip])
        return new

    def _spatial(self, q: Tensor, strip: slice) -> Tensor:
        """Return the spatial messages, with the unary logits where that is possible."""
        radius, (width, classes) = len(self.taps) // 2, q.shape[1:]
        above, below = max(strip.start - radius, 0), min(strip.stop + radius, len(q))
        around = q[above:below].flatten(1) * self.before
        is_inside = radius <= above and below <= len(q) - radius
        if not is_inside:
            around *= self.rows[above:below]
        smooth = gaussian_filter(
            around.view(-1, width, classes),
            self.taps,
            halo=(strip.start - above, below - strip.stop),
        ).flatten(1)
        if not is_inside:
            smooth *= self.rows[strip]
        if self.matrix is not None:
            return (smooth * self.after).view(-1, width, classes)
        unary = self.unary[strip].flatten(1)
        return torch.addcmul(unary, smooth, self.after).view(-1, width, classes)
