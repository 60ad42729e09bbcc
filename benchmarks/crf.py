"""``crf``: DenseCRF against pydensecrf, which runs on one thread of the CPU."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS
from torch import Tensor

from mmseg_deeplab.datasets.street_scenes import render_scene

from .case import CPU, Case, Errors, Study, require
from .report import RATIO, column, per_pixel

# Classes, size, and levels of noise: the standard deviation of Gaussian noise in the
# image, of 255. Noise makes neighbours differ in colour and so multiplies the points of
# the lattice: from fewer than in a photograph of CamVid to four times the pixels.
SHAPES = {
    '21x375x500': (21, (375, 500), (0.0, 2.0, 4.0, 8.0, 9.0, 12.0, 20.0)),
    '19x1024x2048': (19, (1024, 2048), (2.0,)),
    '150x512x683': (150, (512, 683), (2.0,)),
}
# Pixels between independent logits, and their standard deviation: regions of some size
# whose classes are about as certain as those of a network.
LOGIT_GRID, DEVIATION = 40, 2.5
# Two approximations of the same kernels; farther apart, they would not be the same CRF.
LEAST_AGREEMENT, LARGEST_MEAN = 0.97, 0.02
INSTALLED = find_spec('pydensecrf') is not None
SMALLEST = 1e-5  # DenseCRF clips probabilities here


def crf_cases(
    subject: tuple[int, tuple[int, int], Sequence[float]],
    variants: Sequence[str],
    device: torch.device,
) -> Iterator[Case]:
    """Make a case per level of noise."""
    classes, size, levels = subject
    if not INSTALLED:
        print('pydensecrf is missing, only ours is measured: pip install pydensecrf2')
    for noise in levels:
        yield crf_case(classes, size, noise, device)


def crf_case(
    classes: int, size: tuple[int, int], noise: float, device: torch.device
) -> Case:
    """Return one case; without pydensecrf, ours alone is measured."""
    scene, probabilities = noisy_scene(size, noise), smooth_probabilities(classes, size)
    crf = MODELS.build(dict(type='DenseCRF', num_iterations=10)).to(device)
    image = torch.from_numpy(scene).permute(2, 0, 1)[None].to(device)
    inputs, settings = probabilities.to(device), crf.settings()
    array = probabilities[0].numpy()

    @torch.no_grad()
    def ours() -> Tensor:
        return crf.refine(inputs, crf.build_kernels(image))

    points = crf.build_kernels(image)[0].lattice.num_vertices
    pixels = size[0] * size[1]
    return Case(
        group='DenseCRF',
        name=f'{classes} x {size[0]} x {size[1]}, noise {noise:g}',
        ours=ours,
        stock=pydensecrf_run(settings, scene, array) if INSTALLED else None,
        compare=compare_refined,
        device=device,
        stock_device=CPU,
        facts=dict(pixels=pixels, noise=noise, points_per_pixel=points / pixels),
    )


def noisy_scene(size: tuple[int, int], noise: float) -> np.ndarray:
    """Draw a scene of SyntheticStreets with noise, RGB ``(H, W, 3)`` uint8."""
    image, _ = render_scene('val', 0, size, 0)
    noisy = image[..., ::-1] + np.random.default_rng(0).normal(0, noise, image.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def smooth_probabilities(classes: int, size: tuple[int, int]) -> Tensor:
    """Draw smooth random logits and return their softmax ``(1, K, H, W)``."""
    generator = torch.Generator().manual_seed(0)
    coarse = [max(2, side // LOGIT_GRID) for side in size]
    logits = DEVIATION * torch.randn(1, classes, *coarse, generator=generator)
    return F.interpolate(logits, size, mode='bilinear').softmax(1)


def pydensecrf_run(
    settings: dict[str, Any], image: np.ndarray, probabilities: np.ndarray
) -> Callable[[], np.ndarray]:
    """Return a function that refines as ``DenseCRF`` does, by pydensecrf."""
    module = import_module('pydensecrf.densecrf')
    classes, height, width = probabilities.shape
    common = dict(kernel=module.DIAG_KERNEL, normalization=module.NORMALIZE_SYMMETRIC)
    weights = settings['gaussian_weight'], settings['bilateral_weight']

    def run() -> np.ndarray:
        crf = module.DenseCRF2D(width, height, classes)
        energy = -np.log(np.maximum(probabilities, SMALLEST))
        crf.setUnaryEnergy(energy.reshape(classes, -1))
        sxy = settings['gaussian_xy']
        crf.addPairwiseGaussian(sxy=sxy, compat=weights[0], **common)
        sxy, srgb = settings['bilateral_xy'], settings['bilateral_rgb']
        crf.addPairwiseBilateral(
            sxy=sxy, srgb=srgb, rgbim=image, compat=weights[1], **common
        )
        refined = np.array(crf.inference(settings['num_iterations']))
        return refined.reshape(probabilities.shape)

    return run


def compare_refined(stock: np.ndarray, ours: Tensor) -> Errors:
    """Return the share of equal labels and the mean difference of probabilities."""
    stock, ours = torch.from_numpy(stock), ours[0].cpu()
    errors = dict(
        same_labels=(stock.argmax(0) == ours.argmax(0)).double().mean().item(),
        mean_difference=(stock - ours).abs().mean().item(),
    )
    near = errors['mean_difference'] <= LARGEST_MEAN
    require(near and errors['same_labels'] >= LEAST_AGREEMENT, 'DenseCRF', errors)
    return errors


STUDY = Study(
    help='DenseCRF against pydensecrf',
    columns={
        'classes x height x width': lambda row: row['name'].partition(',')[0],
        'noise': column(lambda row: row['facts']['noise']),
        'lattice points per pixel': column(
            lambda row: row['facts']['points_per_pixel'], '{:.2f}'.format
        ),
        'pydensecrf, s': column(lambda row: row['stock']['seconds']['median']),
        'ours, s': column(lambda row: row['ours']['seconds']['median']),
        **RATIO,
        'pydensecrf, bytes per pixel': per_pixel('stock'),
        'ours, bytes per pixel': per_pixel('ours'),
        'same labels': column(
            lambda row: row['errors']['same_labels'], '{:.2%}'.format
        ),
        'mean difference of Q': column(
            lambda row: row['errors']['mean_difference'], '{:.5f}'.format
        ),
    },
    subjects=SHAPES,
    quick={'21x188x250': (21, (188, 250), (2.0,))},
    cases=crf_cases,
)
