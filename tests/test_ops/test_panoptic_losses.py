"""The losses of Panoptic-DeepLab against detectron2's, and against plain formulas."""

import pytest
import torch
import torch.nn.functional as F
from golden import PANOPTIC, reference_output
from largest_tensor import LargestTensor

from mmseg_deeplab.ops import topk_cross_entropy, weighted_l1, weighted_mse

pytestmark = pytest.mark.usefixtures('device')

VALUES = PANOPTIC['panoptic_losses']['values']


def golden(case: str, name: str) -> torch.Tensor:
    return torch.as_tensor(reference_output('panoptic_losses', f'{case}_{name}'))


def prediction(case: str, name: str) -> torch.Tensor:
    return golden(case, f'pred_{name}').requires_grad_()


def full_size(low: torch.Tensor) -> torch.Tensor:
    return F.interpolate(low, scale_factor=4, mode='bilinear')


def semantic_loss(case: str, logits: torch.Tensor, share: float) -> torch.Tensor:
    weight = golden(case, 'sem_seg_weights')
    options = dict(top_k_percent=share, align_corners=False)
    return topk_cross_entropy(logits, golden(case, 'sem_seg'), weight, **options)


@pytest.mark.parametrize('case', VALUES)
def test_semantic_loss_equals_that_of_detectron2(case):
    logits = prediction(case, 'semantic')
    loss = semantic_loss(case, logits, 0.2)
    loss.backward()
    every = semantic_loss(case, logits, 1.0)
    expected = VALUES[case]
    assert loss.item() == pytest.approx(expected['detectron2_semantic_top0.2'])
    assert every.item() == pytest.approx(expected['detectron2_semantic_top1.0'])
    torch.testing.assert_close(logits.grad, golden(case, 'grad_semantic'))


@pytest.mark.parametrize('case', VALUES)
def test_center_loss_equals_those_of_both_implementations(case):
    heat, target = prediction(case, 'center'), golden(case, 'center')[:, None]
    loss = 200 * weighted_mse(full_size(heat), target, golden(case, 'center_weights'))
    loss.backward()
    for source in ('detectron2', 'bowenc0221'):
        expected = VALUES[case][f'{source}_center_x200']
        assert loss.item() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(heat.grad, golden(case, 'grad_center'))


@pytest.mark.parametrize('case', VALUES)
def test_offset_loss_has_both_normalisations(case):
    offset, weight = prediction(case, 'offset'), golden(case, 'offset_weights')
    inputs = full_size(offset) * 4, golden(case, 'offset'), weight
    loss = 0.01 * weighted_l1(*inputs)
    loss.backward()
    half = 0.01 * weighted_l1(*inputs, over_channels=True)
    expected = [VALUES[case][f'{s}_offset_x0.01'] for s in ('detectron2', 'bowenc0221')]
    assert [loss.item(), half.item()] == pytest.approx(expected)
    torch.testing.assert_close(offset.grad, golden(case, 'grad_offset'))


@pytest.mark.parametrize('per_image', [False, True])
@pytest.mark.parametrize('align_corners', [False, True])
def test_hardest_pixels_are_those_of_the_full_size_form(per_image, align_corners):
    torch.manual_seed(0)
    logits = torch.randn(3, 6, 9, 12, requires_grad=True)
    target = torch.randint(0, 6, (3, 33, 47))
    target[0, :30] = 255  # fewer labelled pixels than the share
    weight = torch.rand(3, 33, 47) + 0.5
    full = F.interpolate(
        logits, size=(33, 47), mode='bilinear', align_corners=align_corners
    )
    losses = F.cross_entropy(full, target, ignore_index=255, reduction='none') * weight
    if per_image:
        tops = [one.flatten().topk(int(0.3 * 33 * 47)).values for one in losses]
        plain = torch.stack([top.sum() / top.count_nonzero() for top in tops]).mean()
    else:
        plain = losses.flatten().topk(int(0.3 * 3 * 33 * 47)).values.mean()
    (expected,) = torch.autograd.grad(plain, logits)
    options = dict(per_image=per_image, align_corners=align_corners)
    loss = topk_cross_entropy(logits, target, weight, top_k_percent=0.3, **options)
    loss.backward()
    torch.testing.assert_close(loss, plain)
    torch.testing.assert_close(logits.grad, expected)


def test_no_full_size_logits_are_made():
    logits = torch.randn(1, 19, 33, 33, requires_grad=True)
    target = torch.zeros(1, 257, 257, dtype=torch.long)
    with LargestTensor() as largest:
        topk_cross_entropy(logits, target).backward()
    assert largest.elements < 19 * 257 * 257 / 2


def test_half_precision_is_computed_in_float32():
    torch.manual_seed(0)
    half = torch.randn(1, 4, 5, 5).bfloat16().requires_grad_()
    full = half.detach().float().requires_grad_()
    target = torch.randint(0, 4, (1, 17, 17))
    losses = [topk_cross_entropy(logits, target) for logits in (half, full)]
    for loss in losses:
        loss.backward()
    torch.testing.assert_close(*losses)
    torch.testing.assert_close(half.grad, full.grad.bfloat16())


@pytest.mark.parametrize('loss', [weighted_mse, weighted_l1])
def test_without_weights_losses_and_gradients_are_zero(loss):
    offset = torch.randn(2, 2, 5, 7, requires_grad=True)
    result = loss(offset, torch.zeros(2, 2, 5, 7), torch.zeros(2, 1, 5, 7))
    result.backward()
    assert result.item() == 0
    assert not offset.grad.any()


def test_wrong_shapes_and_shares_are_refused():
    logits, target = torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match='top_k_percent=0'):
        topk_cross_entropy(logits, target, top_k_percent=0)
    with pytest.raises(ValueError, match='same pixels'):
        topk_cross_entropy(logits, target, torch.ones(1, 4, 5))
    with pytest.raises(ValueError, match=r'expected \(N, C, H, W\) twice'):
        weighted_mse(torch.zeros(1, 1, 4, 4), torch.zeros(1, 4, 4), torch.ones(1, 4, 4))
