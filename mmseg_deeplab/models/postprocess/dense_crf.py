"""The fully connected CRF of DeepLab."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor, nn

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.freed_memory import keep_freed_memory

from .crf_inputs import check_image, check_probabilities, check_settings
from .mean_field import CRFKernels, mean_field

_WIDTHS = ('bilateral_xy', 'bilateral_rgb', 'gaussian_xy')
_SCALARS = ('bilateral_weight', 'gaussian_weight', *_WIDTHS)
LEARNABLE = (*_SCALARS, 'compatibility')


@MODELS.register_module()
class DenseCRF(nn.Module):
    """Refine class probabilities by mean field in a fully connected CRF.

    `Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials
    <https://arxiv.org/abs/1210.5644>`_ (Kraehenbuehl and Koltun 2011), as DeepLab v1
    (section 2.3) and v2 (section 3.3) use it: all pairs of pixels are linked by a
    bilateral kernel over position and colour and by a Gaussian one over position. An
    iteration is ``Q <- softmax(log p + sum_m w_m (K_m Q) C)`` with the kernels
    normalised symmetrically and the term of a pixel with itself included, as in
    ``pydensecrf``; ``C`` is the identity in Potts's model.

    How we differ: the spatial kernel is a separable convolution, cut off at 4 sigma,
    instead of a lattice; see :class:`PermutohedralLattice` for the bilateral one. All
    parameters can be learnt (Kraehenbuehl and Koltun 2013; Zheng et al. 2015), with
    ``C`` starting at the identity.

    On a CPU the process keeps freed memory from the first call on, see
    :func:`~mmseg_deeplab.utils.freed_memory.keep_freed_memory`.

    The defaults are those of the released ResNet-101 model for PASCAL VOC. A CRF whose
    parameters are not learnt adds nothing to a state dict.

    Args:
        num_iterations: Iterations of mean field; 0 returns the probabilities, cut off
            at 1e-5.
        bilateral_weight: ``w_1``.
        bilateral_xy: ``sigma_alpha``, pixels.
        bilateral_rgb: ``sigma_beta``, in levels of 0..255.
        gaussian_weight: ``w_2``.
        gaussian_xy: ``sigma_gamma``, pixels.
        compatibility: ``C``, ``(K, K)``: a nested list, an array, or the path of an
            ``.npy`` file. Row ``k``, column ``l``: what probability of ``k`` around a
            pixel adds to its logit of ``l``.
        num_classes: ``K``; needed to learn ``C``.
        learnable: Names of the parameters to learn, or True for all.
    """

    def __init__(
        self,
        num_iterations: int = 10,
        bilateral_weight: float = 4.0,
        bilateral_xy: float = 67.0,
        bilateral_rgb: float = 3.0,
        gaussian_weight: float = 3.0,
        gaussian_xy: float = 1.0,
        *,
        compatibility: Any = None,
        num_classes: int | None = None,
        learnable: Sequence[str] | bool = (),
    ) -> None:
        super().__init__()
        weights = bilateral_weight, gaussian_weight
        given = *weights, bilateral_xy, bilateral_rgb, gaussian_xy
        scalars = dict(zip(_SCALARS, given, strict=True))
        if num_classes is not None and num_classes < 2:
            raise InputError(f'a CRF needs num_classes >= 2, got {num_classes}')
        self.learnable = _names(learnable)
        matrix = _compatibility(compatibility, num_classes, self.learnable)
        check_settings(num_iterations, scalars, widths=_WIDTHS)
        self.num_iterations = num_iterations
        for name, value in scalars.items():
            self._hold(name, torch.tensor(float(value)))
        self._hold('compatibility', matrix)

    def _hold(self, name: str, value: Tensor | None) -> None:
        if name in self.learnable:
            self.register_parameter(name, nn.Parameter(value))
        else:
            self.register_buffer(name, value, persistent=False)

    def forward(self, image: Tensor, probabilities: Tensor) -> Tensor:
        """Refine probabilities ``(N, K, H, W)`` by images ``(N, 3, H, W)``, RGB 0..255.

        All is computed in float32, or in float64 with an image of float64; the result
        has the dtype of ``probabilities``, which must sum to one.
        """
        return self.refine(probabilities, self.build_kernels(image))

    def build_kernels(self, image: Tensor) -> list[CRFKernels]:
        """Prepare the kernels of each image of a batch: most of a call's fixed cost."""
        check_image(image)
        if image.device.type == 'cpu':
            keep_freed_memory()  # else each pass over a lattice pays for its memory
        # A width may have been changed after construction, by learning for example.
        check_settings(
            self.num_iterations, {n: getattr(self, n).item() for n in _WIDTHS}, _WIDTHS
        )
        with torch.autocast(image.device.type, enabled=False):
            widths = {name: getattr(self, name) for name in _WIDTHS}
            return [CRFKernels.of_image(single, **widths) for single in image]

    def refine(self, probabilities: Tensor, kernels: Sequence[CRFKernels]) -> Tensor:
        """Run the mean field with the kernels from :meth:`build_kernels`."""
        check_probabilities(
            probabilities, [(len(k.rows), len(k.columns)) for k in kernels]
        )
        matrix, num_classes = self.compatibility, probabilities.shape[1]
        if matrix is not None and len(matrix) != num_classes:
            raise InputError(
                f'probabilities of {num_classes} classes, but compatibility is '
                f'{len(matrix)} x {len(matrix)}'
            )
        weights = self.bilateral_weight, self.gaussian_weight
        results = [
            mean_field(single, kernel, self.num_iterations, *weights, matrix)
            for single, kernel in zip(probabilities, kernels, strict=True)
        ]
        return torch.stack(results).to(probabilities.dtype)

    def settings(self) -> dict[str, Any]:
        """Return the present values as a config."""
        values = {name: getattr(self, name).item() for name in _SCALARS}
        if self.compatibility is not None:
            values['compatibility'] = self.compatibility.detach().cpu().tolist()
        return dict(type='DenseCRF', num_iterations=self.num_iterations, **values)


def _names(learnable: Sequence[str] | bool) -> tuple[str, ...]:
    if isinstance(learnable, bool):
        return LEARNABLE if learnable else ()
    names = (learnable,) if isinstance(learnable, str) else tuple(learnable)
    unknown = [name for name in names if name not in LEARNABLE]
    if unknown:
        raise InputError(f'learnable={unknown}: choose among {LEARNABLE}')
    return names


def _compatibility(
    given: Any, num_classes: int | None, learnable: Sequence[str]
) -> Tensor | None:
    if given is None:
        if 'compatibility' not in learnable:
            return None
        if num_classes is None:
            raise InputError('to learn compatibility the CRF needs num_classes')
        return torch.eye(num_classes)
    source = 'compatibility'
    try:
        if isinstance(given, (str, Path)):
            source = f'compatibility file {str(given)!r}'
            if not Path(given).is_file():
                raise FileNotFoundError(f'{source} does not exist')
            # Mapped: a size beyond that of the file is an error. No pickles.
            given = np.load(given, mmap_mode='r', allow_pickle=False)
        matrix = np.array(given, dtype=np.float32)
    except (TypeError, ValueError, EOFError) as error:
        raise InputError(f'{source}: expected K x K numbers: {error}') from error
    classes = num_classes or (len(matrix) if matrix.ndim else 'K')
    if matrix.shape != (classes, classes):
        raise InputError(
            f'{source}: expected {classes} x {classes} numbers, received shape '
            f'{matrix.shape}'
        )
    if not np.isfinite(matrix).all():
        raise InputError(f'{source} holds NaN or infinity')
    return torch.from_numpy(matrix)
