"""Checks of what goes into a CRF."""

import math
from collections.abc import Mapping, Sequence
from operator import index

import torch
from torch import Tensor

# Sums of K float16 numbers are this near to one; bfloat16 has three bits less.
_SUM_TOLERANCE = {torch.float16: 1e-2, torch.bfloat16: 3e-2}


def check_settings(
    num_iterations: int, values: Mapping[str, float], widths: Sequence[str]
) -> None:
    """Raise if a value is negative or not finite, or if a width is 0."""
    if index(num_iterations) < 0:
        raise ValueError(f'num_iterations must be at least 0, got {num_iterations}')
    for name, value in values.items():
        if not math.isfinite(value) or value < 0 or (name in widths and value == 0):
            least = 'above 0' if name in widths else 'at least 0'
            raise ValueError(f'{name} must be finite and {least}, got {value}')


def check_image(image: Tensor) -> None:
    """Raise if ``image`` is not ``(N, 3, H, W)`` with finite numbers of 0..255."""
    if not isinstance(image, Tensor) or image.is_complex() or image.dtype == torch.bool:
        kind = getattr(image, 'dtype', type(image).__name__)
        raise TypeError(f'image must be a tensor of numbers of 0..255, got {kind}')
    if image.dim() != 4 or image.shape[1] != 3 or 0 in image.shape:
        raise ValueError(
            'image must be (N, 3, H, W), not empty, received shape '
            f'{tuple(image.shape)}'
        )
    check_levels(image)


def check_levels(image: Tensor, *, rounding: float = 0.0) -> None:
    """Raise ValueError unless an image has the grey levels of 0..255.

    Fractions up to 1 are those of an image scaled to 0..1. ``rounding`` is by how much
    levels may be off.
    """
    low, high = (value.item() for value in image.detach().aminmax())
    if not (low >= -rounding and high <= 255 + rounding):  # catches NaN, too
        raise ValueError(
            f'the CRF needs an RGB image of 0..255, received values {low:g}..{high:g}. '
            'Remedy: undo the normalisation of the network first'
        )
    is_dark = image.is_floating_point() and high <= 1 + rounding
    if is_dark and (image - image.round()).abs().max() > rounding:
        raise ValueError(
            f'the CRF needs an RGB image of 0..255, received fractions {low:g}..'
            f'{high:g}, as of an image scaled to 0..1. Remedy: multiply it by 255'
        )


def check_probabilities(
    probabilities: Tensor, sizes: Sequence[tuple[int, int]]
) -> None:
    """Raise if these are no probabilities of K classes for images of these sizes."""
    if not isinstance(probabilities, Tensor) or not probabilities.is_floating_point():
        kind = getattr(probabilities, 'dtype', type(probabilities).__name__)
        raise TypeError(f'probabilities must be a tensor of floats, got {kind}')
    shape = tuple(probabilities.shape)
    images = [(len(sizes), *size) for size in sizes]
    if len(shape) != 4 or any((shape[0], *shape[2:]) != image for image in images):
        raise ValueError(
            'probabilities must be (N, K, H, W) in number and size of the images '
            f'{sizes}, received {shape}; resize the logits to the image first'
        )
    if shape[1] < 2:
        raise ValueError(
            f'a CRF needs at least 2 classes, probabilities have {shape[1]}: for one '
            'foreground class give those of the background, too'
        )
    values = probabilities.detach()
    low, high = (value.item() for value in values.aminmax())
    error = (values.sum(1, dtype=torch.float32) - 1).abs().max().item()
    tolerance = _SUM_TOLERANCE.get(values.dtype, 1e-3)
    if not (low >= 0 and high <= 1.05 and error <= tolerance):  # catches NaN, too
        raise ValueError(
            'probabilities must lie in 0..1 and sum to one over dimension 1, received '
            f'{low:g}..{high:g} and a sum that is {error:g} away; give logits through '
            'softmax(dim=1) first'
        )
