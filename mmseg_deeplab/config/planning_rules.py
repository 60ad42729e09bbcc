"""The rules by which ``init`` chooses the settings of a config: pure functions.

docs/auto_config.md has the evidence for each. Sizes are (rows, columns) in pixels.
"""

import re
from collections.abc import Sequence
from math import ceil, floor

import numpy as np

from mmseg_deeplab.utils.errors import InputError

Size = tuple[int, int]

# DeepLab v3 has the rates 6, 12, 18 for crops of 513 at output stride 16, whose maps
# have 33 features (https://arxiv.org/abs/1706.05587, section 4).
LARGEST_CROP = 513
LARGEST_RATE = 18 / 33  # over the features of a crop, on its shorter side
SMALLEST_CROP = 128
CROP_STEP = 32  # the largest stride of a backbone
FEWEST_STEPS = 600  # a crop that leaves fewer is too large
LEAST_STEPS = 100  # taken even where the budget is smaller
SMALLEST_BATCH = 2  # for the statistics of BatchNorm
SHARE_OF_VALIDATION = 0.15
MOST_VALIDATIONS = 10
START_S = 15.0  # until the first step, and for the last checkpoint
LARGEST_WHOLE = 1.5  # image over crop, a side, up to which images are tested whole
RARE_SHARE = 0.02  # of the pixels, below which classes are weighed
LARGEST_WEIGHT = 5.0


def parse_duration(text: str) -> float:
    """Return the seconds of ``90s``, ``30m``, ``2h`` or ``1h30m``."""
    found = re.fullmatch(r'(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?', text.strip().lower())
    parts = [int(n or 0) for n in found.groups()] if found else [0]
    seconds = sum(n * unit for n, unit in zip(parts, (3600, 60, 1), strict=False))
    if not seconds:
        raise InputError(f'--budget {text!r}: give a time such as 90s, 30m or 1h30m')
    return float(seconds)


def affordable_pixels(
    budget: float,
    *,
    batch: int,
    seconds_per_pixel: float,
    bytes_per_pixel: float,
    memory: float,
) -> float:
    """Return how many pixels a crop may have, by the time and by the memory.

    600 steps must fit into the time, and a batch of two into the memory.
    """
    training = (1 - SHARE_OF_VALIDATION) * max(0.0, budget - START_S)
    return min(
        training / (FEWEST_STEPS * batch * seconds_per_pixel),
        memory / (SMALLEST_BATCH * max(1.0, bytes_per_pixel)),
    )


def fit_crop(image: Size, most_pixels: float) -> Size:
    """Return the largest crop of an image that has at most ``most_pixels``.

    The longer side is shortened first, as by nnU-Net's planner, down to 128. Sides are
    multiples of 32, or one more where the image has it, as aligned corners like it.
    """
    for side in range(LARGEST_CROP // CROP_STEP * CROP_STEP, 0, -CROP_STEP):
        whole = [max(CROP_STEP, n // CROP_STEP * CROP_STEP) for n in image]
        crop = [min(side, n) for n in whole]
        if crop[0] * crop[1] <= most_pixels or side <= SMALLEST_CROP:
            break
    rows, columns = (n + (n < size) for n, size in zip(crop, image, strict=True))
    return rows, columns


def fit_batch(batch: int, crop: Size, bytes_per_pixel: float, memory: float) -> int:
    """Return the largest batch up to ``batch`` whose crops fit into the memory."""
    fitting = floor(memory / max(1.0, bytes_per_pixel * crop[0] * crop[1]))
    return max(SMALLEST_BATCH, min(batch, fitting))


def share_budget(
    budget: float, *, step_s: float, validation_s: float
) -> tuple[int, int]:
    """Return the number of steps within the budget, and the steps between validations.

    There are 1 to 10 validations, and all together take at most 15 % of the time.
    """
    training = max(0.0, budget - START_S)
    count = floor(SHARE_OF_VALIDATION * training / max(validation_s, 1e-3))
    count = min(MOST_VALIDATIONS, max(1, count))
    steps = floor(max(0.0, training - count * validation_s) / step_s)
    interval = max(LEAST_STEPS, steps) // count
    return interval * count, interval


def feature_map(crop: Size, output_stride: int) -> Size:
    """Return the size of the features of a crop."""
    return ceil(crop[0] / output_stride), ceil(crop[1] / output_stride)


def fit_rates(rates: Sequence[int], features: Size) -> list[int]:
    """Return atrous rates for the map of features of a crop.

    The largest is at most 18/33 of the map's shorter side, as in the paper, and the
    others are reduced in proportion, but not below 2: so no larger share of the taps
    falls into the padding. 1, the branch of 1x1, stays.
    """
    side = min(features)
    scale = min(1.0, LARGEST_RATE * side / max(rates))
    fitted: list[int] = []
    for rate in sorted(rates):
        least = fitted[-1] + 1 if fitted else 2
        fitting = min(max(least, round(rate * scale)), max(2, side - 1))
        fitted.append(1 if rate == 1 else fitting)
    return fitted


def choose_stride(stride: int, thinnest: float, *, has_low_level: bool) -> int:
    """Return the output stride for the class of the thinnest objects, in pixels.

    That of the network, unless objects are thinner than one feature at 16 and no
    decoder brings in the features at stride 4.
    """
    return min(stride, 8) if thinnest < 16 and not has_low_level else stride


def is_tested_whole(image: Size, crop: Size) -> bool:
    """Say whether images are so small that they are tested whole."""
    return all(n <= LARGEST_WHOLE * c for n, c in zip(image, crop, strict=True))


def window_stride(crop: Size) -> Size:
    """Return the stride of a sliding test: windows of the crop overlap by a third."""
    return crop[0] - crop[0] // 3, crop[1] - crop[1] // 3


def choose_weights(
    pixels: Sequence[int], weights: Sequence[float]
) -> list[float] | None:
    """Return class weights of 0.2 to 5, None where no class is rare.

    ``weights`` balance the classes whole, with which rare ones grow over their borders;
    so they are bounded, and left out where each class has 2 % of the pixels.
    """
    shares = np.array(pixels) / max(1, sum(pixels))
    if (shares[shares > 0] >= RARE_SHARE).all():
        return None
    bounded = np.clip(weights, 1 / LARGEST_WEIGHT, LARGEST_WEIGHT)
    return [round(float(weight), 2) for weight in bounded]


def choose_normalisation(
    data: tuple[np.ndarray, np.ndarray],
    network: tuple[np.ndarray, np.ndarray],
    seen: tuple[np.ndarray, np.ndarray],
) -> tuple[list[float], list[float]] | None:
    """Return the mean and deviation to normalise with, None to keep the network's.

    Each argument is a mean and a deviation: those of the data, those that the network
    normalises with, and those of the images that its weights have seen. Data that are
    like them are normalised as they were; others get the mean and deviation that those
    had after it.
    """
    contrast = data[1] / seen[1]
    is_near = (np.abs(data[0] - seen[0]) < seen[1] / 2).all()
    if is_near and contrast.min() > 2 / 3 and contrast.max() < 3 / 2:
        return None
    std = contrast * network[1]
    mean = data[0] - (seen[0] - network[0]) / network[1] * std
    return np.round(mean, 2).tolist(), np.round(std, 2).tolist()
