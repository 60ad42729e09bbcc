"""DenseCRF against pydensecrf."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from mmseg.registry import MODELS
from torch import Tensor

from .case import Case, Contender, Work, require
from .crf_inputs import noisy_scene, parse_size, smooth_probabilities
from .pydensecrf import load_pydensecrf, pydensecrf_run
from .report import digits, limit_text, ratio_text, seconds_text
from .timing import Stopwatch

SIZES = ('21x375x500', '19x1024x2048', '150x512x683')
QUICK_SIZES = ('21x188x250',)
# About as many lattice points as a photograph of CamVid has, then fewer, more, and more
# than pixels.
NOISE = (2.0, 0.0, 5.0, 20.0)
# Two approximations of the same kernels; this far apart they would not be the same CRF.
LEAST_AGREEMENT, LARGEST_MEAN = 0.97, 0.02


def crf_cases(
    device: torch.device,
    *,
    sizes: Sequence[str] = SIZES,
    noise: Sequence[float] = NOISE,
    num_iterations: int = 10,
) -> Iterator[Case]:
    """Make the cases one after the other.

    Args:
        device: Of ours; pydensecrf runs on the CPU.
        sizes: ``KxHxW`` each.
        noise: Levels in the image; the first size has all of them, the others the
            first one.
        num_iterations: Of the mean field.

    Raises:
        ValueError: If a size is wrong.
    """
    shapes = [parse_size(size) for size in sizes]
    if not shapes or not noise:
        raise ValueError('give at least one size and one level of noise')
    for number, shape in enumerate(shapes):
        for level in noise if number == 0 else noise[:1]:
            yield _case(shape, level, num_iterations, device)


def _case(
    shape: tuple[int, int, int],
    noise: float,
    num_iterations: int,
    device: torch.device,
) -> Case:
    classes, *size = shape
    picture = noisy_scene(tuple(size), noise)
    probabilities = smooth_probabilities(classes, tuple(size))
    crf = MODELS.build(dict(type='DenseCRF', num_iterations=num_iterations)).to(device)
    image = torch.from_numpy(picture).permute(2, 0, 1)[None].to(device)
    scores = probabilities.to(device)

    @torch.no_grad()
    def ours(watch: Stopwatch) -> Tensor:
        with watch.phase('building'):
            kernels = crf.build_kernels(image)
        with watch.phase('iterations'):
            return crf.refine(scores, kernels)

    points = crf.build_kernels(image)[0].lattice.num_vertices
    return Case(
        group='DenseCRF',
        name=f'{classes} x {size[0]} x {size[1]}, noise {noise:g}',
        ours=Contender('DenseCRF', ours, device),
        stock=_peer(crf.settings(), picture, probabilities),
        compare=compare_refined,
        work=_work(crf.settings(), scores[0].numel(), classes, points),
        figures=dict(
            pixels=picture[..., 0].size,
            classes=classes,
            noise=noise,
            lattice_points_per_pixel=points / picture[..., 0].size,
        ),
    )


def _peer(
    settings: dict[str, Any], image: np.ndarray, probabilities: Tensor
) -> Contender | None:
    module = load_pydensecrf()
    if module is None:
        return None
    run = pydensecrf_run(module, settings, image, probabilities[0].numpy())
    return Contender('pydensecrf', run)


def compare_refined(stock: np.ndarray, ours: Tensor) -> dict[str, float]:
    """Return the share of equal labels and the mean difference of probabilities.

    Args:
        stock: ``(K, H, W)``.
        ours: ``(1, K, H, W)``.

    Raises:
        ResultsDiffer: If these are not two approximations of the same thing.
    """
    stock, ours = torch.from_numpy(stock), ours[0].cpu()
    errors = dict(
        same_labels=(stock.argmax(0) == ours.argmax(0)).double().mean().item(),
        mean_difference=(stock - ours).abs().mean().item(),
    )
    near = errors['mean_difference'] <= LARGEST_MEAN
    same = errors['same_labels'] >= LEAST_AGREEMENT
    require(near and same, 'DenseCRF', errors)
    return errors


def _work(settings: dict[str, Any], numel: int, classes: int, points: int) -> Work:
    """The least work of the mean field, building left out.

    Multiply-adds of an iteration: six corners of a simplex for splatting and six for
    slicing, three points on each of six axes for blurring, and two passes of the
    Gaussian over 4 sigma to each side. Bytes: it reads and writes the float32
    scores of all pixels and all lattice points.
    """
    taps = 2 * (2 * int(np.ceil(4 * settings['gaussian_xy'])) + 1)
    multiply_adds = numel * (2 * 6 + taps) + 6 * 3 * points * classes
    return Work(
        multiply_adds=settings['num_iterations'] * multiply_adds,
        bytes=settings['num_iterations'] * 2 * 4 * (numel + points * classes),
    )


def _bytes_per_pixel(row: dict[str, Any], role: str) -> str:
    peak = row[role]['peak_bytes'] if role in row else None
    return '-' if peak is None else digits(peak / row['figures']['pixels'])


def _error(row: dict[str, Any], name: str, text: str) -> str:
    return text.format(row['errors'][name]) if row['errors'] else '-'


CRF_COLUMNS = {
    'classes x height x width': lambda row: row['name'].partition(',')[0],
    'noise': lambda row: f'{row["figures"]["noise"]:g}',
    'lattice points per pixel': lambda row: (
        f'{row["figures"]["lattice_points_per_pixel"]:.2f}'
    ),
    'pydensecrf, s (building + iterations)': lambda row: seconds_text(row, 'stock'),
    'ours, s (building + iterations)': lambda row: seconds_text(row, 'ours'),
    'times faster (range)': ratio_text,
    'pydensecrf, bytes per pixel': lambda row: _bytes_per_pixel(row, 'stock'),
    'ours, bytes per pixel': lambda row: _bytes_per_pixel(row, 'ours'),
    'same labels': lambda row: _error(row, 'same_labels', '{:.2%}'),
    'mean difference of Q': lambda row: _error(row, 'mean_difference', '{:.5f}'),
    'of the limit': limit_text,
}
