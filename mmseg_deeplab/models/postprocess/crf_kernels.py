"""The two kernels of a dense CRF, prepared for one image."""

from typing import NamedTuple

import torch
from torch import Tensor

from mmseg_deeplab.ops.gaussian_filter import gaussian_scale, gaussian_taps
from mmseg_deeplab.ops.permutohedral import PermutohedralLattice


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
        *,
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
