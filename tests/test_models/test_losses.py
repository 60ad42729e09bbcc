"""The losses against formulas written out pixel by pixel, and numerical slopes."""

import math

import numpy as np
import pytest
import torch
from mmseg.registry import MODELS

from mmseg_deeplab.models.losses.region_losses import iou_slope
from mmseg_deeplab.utils.errors import InputError

K, IGNORED = 3, 255
WEIGHTS = [0.5, 2.0, 1.0]
NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
DEVICES = ['cpu', pytest.param('cuda', marks=[pytest.mark.gpu, NO_GPU])]


def tversky(p, y, weights, alpha=0.3, beta=0.7):
    losses, total = 0, 0
    for c in sorted(set(y)):
        right = sum(q[c] for q, t in zip(p, y, strict=True) if t == c)
        wrong = sum(q[c] for q, t in zip(p, y, strict=True) if t != c)
        missed = sum(1 - q[c] for q, t in zip(p, y, strict=True) if t == c)
        index = right / (right + alpha * wrong + beta * missed)
        losses, total = losses + weights[c] * (1 - index), total + weights[c]
    return losses / total


def dice(p, y, weights):
    return tversky(p, y, weights, 0.5, 0.5)


def one_minus_iou(own: set, wrong: set) -> float:
    """Return that of a class whose wrong pixels are misses and false alarms."""
    return len(wrong) / len(own | wrong)


def lovasz(p, y, weights):
    losses, total = 0, 0
    for c in sorted(set(y)):
        own = {i for i, t in enumerate(y) if t == c}
        errors = [abs((t == c) - q[c]) for q, t in zip(p, y, strict=True)]
        order = sorted(range(len(y)), key=lambda i: -errors[i])
        for n, i in enumerate(order):
            more = one_minus_iou(own, {*order[: n + 1]})
            gain = more - one_minus_iou(own, {*order[:n]})
            losses += weights[c] * errors[i] * gain
        total += weights[c]
    return losses / total


def focal(p, y, weights, gamma=2.0):
    pairs = [(q[t], weights[t]) for q, t in zip(p, y, strict=True)]
    losses = [-w * (1 - q) ** gamma * math.log(q) for q, w in pairs]
    return sum(losses) / sum(w for _, w in pairs)


def ohem(p, y, weights, thresh=0.4, min_share=0.2):
    least = sorted(q[t] for q, t in zip(p, y, strict=True))
    limit = max(thresh, least[math.ceil(min_share * len(y)) - 1])
    kept = [(q[t], weights[t]) for q, t in zip(p, y, strict=True) if q[t] <= limit]
    return sum(-w * math.log(q) for q, w in kept) / sum(w for _, w in kept)


LOSSES = dict(
    tversky=(dict(type='SoftTverskyLoss'), tversky),
    dice=(dict(type='SoftDiceLoss'), dice),
    lovasz=(dict(type='LovaszSoftmaxLoss'), lovasz),
    focal=(dict(type='SoftmaxFocalLoss'), focal),
    # Configs of MMSegmentation have use_sigmoid=False.
    ohem=(dict(type='HardPixelCrossEntropy', thresh=0.4, use_sigmoid=False), ohem),
    share=(
        dict(type='HardPixelCrossEntropy', thresh=0.01, min_share=0.5),
        lambda p, y, w: ohem(p, y, w, 0.01, 0.5),
    ),
)
CONFIGS = {name: config for name, (config, _) in LOSSES.items()}
every_loss = pytest.mark.parametrize('config', CONFIGS.values(), ids=CONFIGS)


def batch(device='cpu', dtype=torch.float64):
    """Return logits and classes of two images; half of the pixels are ignored."""
    rng = np.random.default_rng(0)
    logits = torch.tensor(2 * rng.standard_normal((2, K, 4, 5)), dtype=dtype)
    label = torch.tensor(rng.integers(0, 2, (2, 4, 5)))  # none of class 2
    label[:, ::2] = IGNORED
    return logits.to(device).requires_grad_(), label.to(device)


@pytest.mark.parametrize('device', DEVICES)
@pytest.mark.parametrize('weights', [None, WEIGHTS])
@pytest.mark.parametrize('name', LOSSES)
def test_the_loss_is_its_formula(name, weights, device):
    config, formula = LOSSES[name]
    loss = MODELS.build(dict(config, class_weight=weights, loss_weight=0.5))
    logits, label = batch(device)
    rows = logits.detach().movedim(1, -1)[label != IGNORED].softmax(-1).tolist()
    classes = label[label != IGNORED].tolist()
    expected = 0.5 * formula(rows, classes, weights or [1.0] * K)
    found = loss(logits, label, weight=None, ignore_index=IGNORED)
    torch.testing.assert_close(found.item(), expected, rtol=1e-6, atol=0)


@every_loss
def test_gradients_are_the_slopes_and_zero_where_pixels_are_ignored(config):
    loss = MODELS.build(dict(config, class_weight=WEIGHTS))
    logits, label = batch()
    # MMSegmentation casts the factor of the focal loss to float32.
    tolerance = dict(eps=1e-4, atol=1e-3)
    assert torch.autograd.gradcheck(lambda x: loss(x, label), logits, **tolerance)
    loss(logits, label).backward()
    size = logits.grad.abs().sum(1)
    assert not size[label == IGNORED].any() and size[label != IGNORED].any()


@every_loss
def test_nothing_is_learned_where_no_pixel_is_labelled(config):
    logits, label = batch()
    found = MODELS.build(config)(logits, torch.full_like(label, IGNORED))
    found.backward()
    assert found.item() == 0 and not logits.grad.any()


@every_loss
def test_what_the_network_says_of_ignored_pixels_does_not_matter(config):
    loss, (logits, label) = MODELS.build(config), batch()
    other = logits.detach().where(label[:, None] != IGNORED, 100.0)
    assert loss(other, label) == loss(logits, label)
    renamed = label.where(label != IGNORED, 2)  # 2 is a class of the network, too
    assert loss(logits, renamed, ignore_index=2) == loss(logits, label)


@every_loss
def test_one_channel_is_the_second_of_two_classes(config):
    loss, (logits, label) = MODELS.build(config), batch()
    two = torch.cat([torch.zeros_like(logits[:, :1]), logits[:, :1]], 1)
    torch.testing.assert_close(loss(logits[:, :1], label), loss(two, label))


@every_loss
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(config, dtype):
    loss, (logits, label) = MODELS.build(config), batch(dtype=dtype)
    expected = loss(logits.detach().float(), label)
    torch.testing.assert_close(loss(logits, label).float(), expected, rtol=1e-2, atol=0)
    loss(1000 * logits, label).backward()
    assert logits.grad.isfinite().all()


def test_focal_loss_has_slopes_for_small_exponents_at_sure_pixels():
    loss = MODELS.build(dict(type='SoftmaxFocalLoss', gamma=0.5))
    logits = torch.tensor([[[[100.0]], [[0.0]]]], requires_grad=True)
    loss(logits, torch.zeros(1, 1, 1, dtype=torch.long)).backward()
    assert logits.grad.isfinite().all()


def test_the_slopes_of_many_pixels_keep_their_digits():
    rng = np.random.default_rng(0)
    errors = torch.tensor(rng.random(10**6), dtype=torch.float32)
    inside = torch.tensor(rng.random(10**6) < 0.01)
    order = errors.argsort(descending=True)
    own = inside[order].double()
    iou = (own.sum() - own.cumsum(0)) / (own.sum() + (1 - own).cumsum(0))
    expected = torch.cat([1 - iou[:1], -iou.diff()])
    found = iou_slope(errors, inside)[order].double()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-13)


@pytest.mark.parametrize(
    'options',
    [
        dict(type='SoftTverskyLoss', beta=0),
        dict(type='SoftmaxFocalLoss', gamma=-1),
        dict(type='HardPixelCrossEntropy', min_share=0),
        dict(type='HardPixelCrossEntropy', use_sigmoid=True),
    ],
)
def test_settings_that_make_no_loss_are_refused(options):
    with pytest.raises(InputError, match='expected'):
        MODELS.build(options)


def test_class_weights_of_another_number_are_refused():
    loss = MODELS.build(dict(type='SoftDiceLoss', class_weight=[1, 2]))
    with pytest.raises(InputError, match='2 weights for 3 classes'):
        loss(*batch())
