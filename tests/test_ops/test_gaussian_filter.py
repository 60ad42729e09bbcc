"""The separable Gaussian filter against products with dense matrices."""

import math

import pytest
import torch

from mmseg_deeplab.ops.gaussian_filter import (
    gaussian_filter,
    gaussian_scale,
    gaussian_taps,
)

pytestmark = pytest.mark.usefixtures('device')


def random_image(height, width, classes=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(height, width, classes, generator=generator, dtype=torch.float64)


def taps_of(sigma, **options):
    return gaussian_taps(torch.tensor(sigma, dtype=torch.float64), **options)


def dense(length, sigma):
    """The kernel along one side, cut off at 4 sigma rounded up to a pixel."""
    x = torch.arange(length, dtype=torch.float64)
    distance = (x[:, None] - x).abs()
    kernel = torch.exp(-0.5 * (distance / sigma) ** 2)
    return kernel * (distance <= max(1, math.ceil(4 * sigma)))


def filtered(x, sigma):
    rows, columns = dense(x.shape[0], sigma), dense(x.shape[1], sigma)
    return torch.einsum('ab,bwk,vw->avk', rows, x, columns)


@pytest.mark.parametrize('sigma', [0.01, 0.4, 1.0, 2.3, 50.0])
@pytest.mark.parametrize('size', [(1, 1), (1, 9), (9, 1), (2, 3), (14, 17)])
def test_equals_the_dense_product(size, sigma):
    x = random_image(*size)
    torch.testing.assert_close(gaussian_filter(x, taps_of(sigma)), filtered(x, sigma))


@pytest.mark.parametrize('sigma', [0.01, 1.0, 2.3, 50.0])
@pytest.mark.parametrize('length', [1, 2, 30])
def test_scale(length, sigma):
    torch.testing.assert_close(
        gaussian_scale(taps_of(sigma), length), dense(length, sigma).sum(1).rsqrt()
    )


@pytest.mark.parametrize('longest, radius', [(0, 0), (3, 3), (4, 4), (9, 4)])
def test_taps_that_no_image_is_long_enough_for(longest, radius):
    whole, taps = taps_of(1.0), taps_of(1.0, longest=longest)
    assert len(taps) == 2 * radius + 1
    assert torch.equal(taps, whole[4 - radius : 5 + radius])


def test_a_width_of_a_million_pixels():
    """The taps would fill the memory if all were made."""
    x = random_image(4, 6, 1)
    found = gaussian_filter(x, taps_of(1e12, longest=5))
    torch.testing.assert_close(found, x.sum().expand_as(x))


@pytest.mark.parametrize('sigma', [0.4, 1.0, 2.0, 30.0])
@pytest.mark.parametrize('height', [1, 3, 5])
def test_strips_equal_the_whole(height, sigma):
    x, taps = random_image(13, 7), taps_of(sigma)
    radius, strips = len(taps) // 2, []
    for top in range(0, 13, height):
        bottom = min(top + height, 13)
        above, below = max(top - radius, 0), min(bottom + radius, 13)
        halo = (top - above, below - bottom)
        strips.append(gaussian_filter(x[above:below], taps, halo=halo))
    torch.testing.assert_close(torch.cat(strips), gaussian_filter(x, taps))


def test_gradcheck():
    x = random_image(4, 5, 2).requires_grad_()
    sigma = torch.tensor(0.9, dtype=torch.float64, requires_grad=True)

    def normalised(x, sigma):
        taps = gaussian_taps(sigma)
        scale = torch.outer(gaussian_scale(taps, 4), gaussian_scale(taps, 5))
        return gaussian_filter(x * scale[..., None], taps) * scale[..., None]

    assert torch.autograd.gradcheck(normalised, [x, sigma])
