"""DecoupledSGDW against its closed form, plain SGD, and itself after a resume."""

import copy

import pytest
import torch
from mmengine.optim import PolyLR

from mmseg_deeplab.engine import DecoupledSGDW

GRADIENT = torch.tensor([0.5, -2.0, 3.0], dtype=torch.float64)
START = torch.tensor([1.0, -4.0, 0.25], dtype=torch.float64)


def optimizer(**options) -> DecoupledSGDW:
    parameter = torch.nn.Parameter(START.clone())
    return DecoupledSGDW([parameter], **{'lr': 0.1, **options})


def step(optim: torch.optim.Optimizer, gradient: torch.Tensor = GRADIENT) -> None:
    for group in optim.param_groups:
        for parameter in group['params']:
            parameter.grad = gradient.clone().expand_as(parameter).to(parameter)
    optim.step()


def value(optim: torch.optim.Optimizer) -> torch.Tensor:
    return optim.param_groups[0]['params'][0].detach()


@pytest.mark.parametrize('mu, nesterov', [(0.0, False), (0.9, False), (0.9, True)])
@pytest.mark.parametrize('foreach', [False, True, None])
def test_momentum_and_schedule_follow_the_recurrence(mu, nesterov, foreach):
    options = dict(momentum=mu, nesterov=nesterov, foreach=foreach)
    optim = optimizer(weight_decay=5e-4, **options)
    halved = torch.optim.lr_scheduler.StepLR(optim, step_size=7, gamma=0.5)
    expected = START.clone()
    for index in range(21):
        rate = 0.1 * 0.5 ** (index // 7)
        # A constant gradient leaves b_t = g (1 - mu^t) / (1 - mu).
        buffer = GRADIENT * (1 - mu ** (index + 1)) / (1 - mu)
        move = GRADIENT + mu * buffer if nesterov else buffer
        expected = (1 - 5e-4 * rate / 0.1) * expected - rate * move
        step(optim)
        halved.step()
        torch.testing.assert_close(value(optim), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize('option', [dict(nesterov=True), dict(dampening=0.25)])
def test_without_decay_it_is_sgd(option):
    options = dict(lr=0.03, momentum=0.8, **option)
    torch.manual_seed(0)
    ours, plain = (torch.nn.Linear(5, 3), torch.nn.Linear(5, 3))
    plain.load_state_dict(ours.state_dict())
    pairs = [
        (ours, DecoupledSGDW(ours.parameters(), **options)),
        (plain, torch.optim.SGD(plain.parameters(), **options)),
    ]
    for _ in range(5):
        batch = torch.randn(4, 5)
        for model, optim in pairs:
            optim.zero_grad()
            model(batch).square().mean().backward()
            optim.step()
    for found, expected in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.equal(found, expected)


def test_groups_have_rates_and_decays_of_their_own():
    params = [torch.nn.Parameter(torch.ones(1, dtype=torch.float64)) for _ in range(3)]
    first = dict(params=params[:1], lr=0.1, weight_decay=1e-4)
    second = dict(params=params[1:2], lr=1.0, weight_decay=0.0)
    optim = DecoupledSGDW([first, second], lr=0.5)
    optim.add_param_group(dict(params=params[2:], weight_decay=5e-4))
    for group in optim.param_groups:
        group['lr'] *= 0.5
    step(optim, torch.ones(1))
    expected = [1 - 0.5e-4 - 0.05, 1 - 0.5, 1 - 2.5e-4 - 0.25]
    assert [p.item() for p in params] == pytest.approx(expected, rel=1e-12)


def test_resumed_in_mid_schedule_it_goes_on_as_if_nothing_had_happened():
    def training():
        optim = optimizer(momentum=0.9, weight_decay=5e-4)
        poly = PolyLR(optim, power=0.9, end=20, by_epoch=False)
        return optim, poly

    def steps(count, optim, poly):
        for _ in range(count):
            step(optim)
            poly.step()

    whole, resumed = training(), training()
    steps(8, *whole)
    value(resumed[0]).copy_(value(whole[0]))
    for part, resumed_part in zip(whole, resumed, strict=True):
        resumed_part.load_state_dict(copy.deepcopy(part.state_dict()))
    (group,) = resumed[0].param_groups
    assert group['lr'] < group['initial_lr'] == 0.1
    steps(7, *whole)
    steps(7, *resumed)
    assert torch.equal(value(resumed[0]), value(whole[0]))


def test_a_state_of_plain_sgd_is_taken_over():
    plain = torch.optim.SGD([torch.nn.Parameter(START.clone())], lr=0.1, momentum=0.9)
    step(plain)
    optim = optimizer(momentum=0.9)
    optim.load_state_dict(plain.state_dict())
    step(optim)
    torch.testing.assert_close(value(optim), START - 0.1 * 1.9 * GRADIENT)


def test_the_closure_is_evaluated_with_gradients():
    optim = optimizer()
    parameter = optim.param_groups[0]['params'][0]

    def closure():
        optim.zero_grad()
        loss = (parameter * GRADIENT).sum()
        loss.backward()
        return loss

    assert optim.step(closure).item() == pytest.approx((START @ GRADIENT).item())
    torch.testing.assert_close(value(optim), START - 0.1 * GRADIENT)


@pytest.mark.parametrize('decay', [1.0, -1e-4])
def test_values_out_of_range_are_refused(decay):
    with pytest.raises(ValueError, match=f'weight_decay.*{decay}'):
        optimizer(weight_decay=decay)


def test_a_decay_as_large_as_that_of_sgd_is_warned_of():
    with pytest.warns(UserWarning, match=r'by 0\.995 in every step'):
        optimizer(weight_decay=5e-3)


def test_parameters_without_a_gradient_stay():
    still = torch.nn.Parameter(START.clone())
    DecoupledSGDW([still], lr=0.1, weight_decay=1e-4).step()
    assert torch.equal(still.detach(), START)
