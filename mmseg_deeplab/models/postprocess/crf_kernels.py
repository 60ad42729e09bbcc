"""The two kernels of a dense CRF, prepared for one image."""

from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_deeplab.ops.gaussian_filter import gaussian_scale, gaussian_taps
from mmseg_deeplab.ops.permutohedral import PermutohedralLattice


class CRFKernels(NamedTuple):
    """The parts of the kernels that depend on the image and on the widths alone.

    Args:
        lattice: The normalised lattice of the bilateral kernel.
        taps: One-dimensional filter of the spatial kernel, ``(2 r + 1,)``.
        rows: Normalisation of the spatial kernel in each row, ``(H,)``.
        columns: The same in each column, ``(W,)``.
    """

    lattice: PermutohedralLattice
    taps: Tensor
    rows: Tensor
    columns: Tensor

    @classmethod
    def of_image(
        cls,
        image: Tensor,
        *,
        bilateral_xy: Tensor,
        bilateral_rgb: Tensor,
        gaussian_xy: Tensor,
    ) -> 'CRFKernels':
        """Prepare the kernels; gradients reach the widths.

        Args:
            image: ``(3, H, W)``, RGB 0..255; with float64 all is computed in float64.
            bilateral_xy: ``sigma_alpha``, pixels.
            bilateral_rgb: ``sigma_beta``.
            gaussian_xy: ``sigma_gamma``, pixels.
        """
        dtype = torch.float64 if image.dtype == torch.float64 else torch.float32
        height, width = image.shape[1:]
        rows = torch.arange(height, dtype=dtype, device=image.device)
        columns = torch.arange(width, dtype=dtype, device=image.device)
        features = torch.cat(
            [
                columns.expand(1, height, width) / bilateral_xy,
                rows.view(-1, 1).expand(1, height, width) / bilateral_xy,
                image.to(dtype) / bilateral_rgb,
            ]
        )
        lattice = PermutohedralLattice(features.flatten(1).t()).normalised()
        taps = gaussian_taps(gaussian_xy.to(rows), longest=max(height, width) - 1)
        scales = (gaussian_scale(taps, side) for side in (height, width))
        return cls(lattice, taps, *scales)
