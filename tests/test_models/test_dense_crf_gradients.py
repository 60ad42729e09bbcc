"""Gradients of DenseCRF: finite differences, and the mean field over all pairs."""

import pytest
import torch
import torch.nn.functional as F
from exact_crf import exact_mean_field, scene
from torch.autograd import gradcheck
from torch.func import functional_call

from mmseg_deeplab.models import DenseCRF

pytestmark = pytest.mark.usefixtures('device')

SCALARS = (
    'bilateral_weight', 'bilateral_xy', 'bilateral_rgb', 'gaussian_weight',
    'gaussian_xy',
)  # fmt: skip


def small_crf():
    crf = DenseCRF(
        2, 1.3, 4.0, 25.0, 0.7, 1.1, learnable=True, num_classes=3,
        compatibility=[[1.0, 0.2, -0.1], [0.1, 0.9, 0.3], [0.0, -0.2, 1.1]],
    )  # fmt: skip
    return crf.double()


def small_inputs():
    image, probabilities = scene(4, 5, 3)
    return image.double(), probabilities.double()


@pytest.mark.parametrize(
    'name', ['bilateral_weight', 'gaussian_weight', 'gaussian_xy', 'compatibility']
)
def test_finite_differences_of_parameters(name):
    crf, inputs = small_crf(), small_inputs()
    value = getattr(crf, name).detach().clone().requires_grad_()
    assert gradcheck(lambda v: functional_call(crf, {name: v}, inputs), [value])


def test_finite_differences_of_probabilities():
    crf, (image, probabilities) = small_crf(), small_inputs()
    logits = probabilities.log().requires_grad_()  # their softmax keeps the sum
    assert gradcheck(lambda x: crf(image, x.softmax(1)), [logits])


def test_parts_that_are_not_learnt_change_no_gradient():
    """The lattice takes another way when the widths want gradients."""
    inputs = small_inputs()
    grads = []
    for learnable in (['bilateral_weight'], True):
        crf = DenseCRF(2, learnable=learnable, num_classes=3)
        loss = crf(*inputs)[:, 0].square().sum()
        grads.append(torch.autograd.grad(loss, crf.bilateral_weight)[0])
    torch.testing.assert_close(*grads, rtol=1e-4, atol=1e-6)


def loss_of(refined, target):
    return -(refined.clamp(min=1e-10).log() * target).sum(0).mean()


def case(seed):
    image, probabilities = scene(20, 24, 4, seed=seed)
    target = F.one_hot(probabilities[0].argmax(0), 4).permute(2, 0, 1).double()
    return image, probabilities, target


def logarithmic_gradients(settings, seed):
    """Change of the loss with the logarithm of each parameter: ours, and exactly."""
    image, probabilities, target = case(seed)
    crf = DenseCRF(3, **settings, learnable=SCALARS)
    ours = torch.autograd.grad(
        loss_of(crf(image.double(), probabilities)[0].double(), target),
        [getattr(crf, name) for name in SCALARS],
    )
    values = {
        name: torch.tensor(settings[name], dtype=torch.float64, requires_grad=True)
        for name in SCALARS
    }
    exact = exact_mean_field(image[0], probabilities[0], num_iterations=3, **values)
    theirs = torch.autograd.grad(loss_of(exact, target), list(values.values()))
    return [
        {n: g.item() * settings[n] for n, g in zip(SCALARS, grads, strict=True)}
        for grads in (ours, theirs)
    ]


MIDDLE = 4.0, 20.0, 10.0, 2.0, 1.5
RELEASED = 4.0, 67.0, 3.0, 3.0, 1.0
# Sigmas across which regions of different colours mix: gains and losses cancel.
MIXED = 3.0, 5.0, 30.0, 3.0, 2.0


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
    'settings, width_error',
    [(MIDDLE, 0.015), (RELEASED, 0.015), (MIXED, 0.06)],
    ids=['middle', 'released', 'mixed'],
)
def test_near_the_gradient_of_the_exact_field(settings, width_error, seed):
    """Within 5 % for weights, 35 % for widths, values near zero excepted.

    Those of the weights are about 1, those of the widths 0.001 to 0.3.
    """
    values = dict(zip(SCALARS, settings, strict=True))
    ours, exact = logarithmic_gradients(values, seed)
    for name in ('bilateral_weight', 'gaussian_weight'):
        assert ours[name] == pytest.approx(exact[name], rel=0.05)
    for name in ('bilateral_xy', 'bilateral_rgb', 'gaussian_xy'):
        error = abs(ours[name] - exact[name])
        assert error < 0.35 * abs(exact[name]) + width_error, (name, ours, exact)
