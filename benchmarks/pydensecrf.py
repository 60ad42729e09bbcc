"""The CRF of the peer: pydensecrf, on one thread of the CPU."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from .timing import Stopwatch

INSTALL = 'pip install pydensecrf2 (a source package; needs a C++ compiler)'
# As DenseCRF cuts probabilities off.
_SMALLEST = 1e-5


def load_pydensecrf() -> Any | None:
    """Return the module ``pydensecrf.densecrf``, None if it is not installed."""
    try:
        return import_module('pydensecrf.densecrf')
    except ImportError:
        return None


def pydensecrf_run(
    module: Any, settings: dict[str, Any], image: np.ndarray, probabilities: np.ndarray
) -> Callable[[Stopwatch], np.ndarray]:
    """Return what refines probabilities as ``DenseCRF`` with the same settings does.

    Args:
        module: From :func:`load_pydensecrf`.
        settings: ``DenseCRF.settings()``.
        image: ``(H, W, 3)`` uint8, RGB.
        probabilities: ``(K, H, W)`` float32.
    """
    classes, height, width = probabilities.shape
    common = dict(kernel=module.DIAG_KERNEL, normalization=module.NORMALIZE_SYMMETRIC)

    def run(watch: Stopwatch) -> np.ndarray:
        with watch.phase('building'):
            crf = module.DenseCRF2D(width, height, classes)
            energy = -np.log(np.maximum(probabilities, _SMALLEST))
            crf.setUnaryEnergy(energy.reshape(classes, -1))
            crf.addPairwiseGaussian(
                sxy=settings['gaussian_xy'],
                compat=settings['gaussian_weight'],
                **common,
            )
            crf.addPairwiseBilateral(
                sxy=settings['bilateral_xy'],
                srgb=settings['bilateral_rgb'],
                rgbim=image,
                compat=settings['bilateral_weight'],
                **common,
            )
        with watch.phase('iterations'):
            refined = np.array(crf.inference(settings['num_iterations']))
        return refined.reshape(probabilities.shape)

    return run
