"""An image and probabilities for a CRF that anyone can make again."""

import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmseg_deeplab.datasets.street_scenes import render_scene

# Pixels between independent scores, and their standard deviation: regions of some size
# with classes of some certainty, as a network's are.
GRID, DEVIATION = 40, 2.5


def parse_size(text: str) -> tuple[int, int, int]:
    """Read ``KxHxW``.

    Raises:
        ValueError: If it is something else, or fewer than two classes.
    """
    match = re.fullmatch(r'(\d+)x(\d+)x(\d+)', text)
    if not match or int(match[1]) < 2:
        raise ValueError(
            f'size {text!r}: expected CLASSESxHEIGHTxWIDTH with two classes at least, '
            'such as 21x375x500'
        )
    return tuple(map(int, match.groups()))


def noisy_scene(size: tuple[int, int], noise: float) -> np.ndarray:
    """Draw a scene of SyntheticStreets and add Gaussian noise.

    Noise makes neighbours differ in colour, which multiplies the points of the lattice.

    Args:
        size: Height and width.
        noise: Standard deviation, of 255.

    Returns:
        ``(H, W, 3)`` uint8, RGB.

    Raises:
        ValueError: If the scene cannot be drawn at this size, or noise is negative.
    """
    if not noise >= 0:
        raise ValueError(f'noise must be at least 0, received {noise}')
    image, _ = render_scene('val', 0, size, 0)
    rng = np.random.default_rng(0)
    noisy = image[..., ::-1] + rng.normal(0, noise, image.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def smooth_probabilities(classes: int, size: tuple[int, int]) -> Tensor:
    """Draw smooth random scores and take their softmax.

    Args:
        classes: ``K``.
        size: Height and width.

    Returns:
        ``(1, K, H, W)``.
    """
    generator = torch.Generator().manual_seed(0)
    coarse = [max(2, side // GRID) for side in size]
    scores = DEVIATION * torch.randn(1, classes, *coarse, generator=generator)
    return F.interpolate(scores, size, mode='bilinear').softmax(1)
