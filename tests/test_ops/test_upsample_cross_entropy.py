"""upsample_cross_entropy against F.interpolate, F.cross_entropy and MMSeg."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
import upsampling
from mmseg.models.losses import CrossEntropyLoss, accuracy
from upsampling import SHAPES, full_size

from benchmarks.measure import peak_memory
from mmseg_deeplab import ops
from mmseg_deeplab.ops import bilinear_rows

pytestmark = pytest.mark.usefixtures('device')

# As the reference interpolates where a test does not say.
upsample_cross_entropy = partial(ops.upsample_cross_entropy, align_corners=False)


def example(shape, size, **options):
    logits, target = upsampling.example(shape, size, **options)
    return logits.requires_grad_(), target


def reference(logits, target, *, align_corners=False, ignore_index=255, **kwargs):
    """Return loss and gradient by full-size logits, in float64."""
    leaf, full = full_size(logits, target.shape[1:], align_corners)
    loss = F.cross_entropy(full, target, ignore_index=ignore_index, **kwargs)
    return loss.detach(), torch.autograd.grad(loss, leaf)[0]


def ours(logits, target, **kwargs):
    loss = upsample_cross_entropy(logits, target, **kwargs)
    return loss.detach(), torch.autograd.grad(loss, logits)[0]


def assert_close(found, expected, tolerance=1e-6):
    """Compare losses and gradients, the latter relative to the largest element."""
    assert torch.allclose(found[0].double(), expected[0], rtol=tolerance)
    scale = expected[1].abs().max()
    assert (found[1].double() - expected[1]).abs().max() <= tolerance * scale


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('shape, size', SHAPES)
def test_equals_full_size(shape, size, align_corners):
    logits, target = example(shape, size)
    found = ours(logits, target, align_corners=align_corners)
    expected = reference(logits, target, align_corners=align_corners)
    assert_close(found, expected, tolerance=1e-12)


@pytest.mark.parametrize(
    'dtype, tolerance',
    [(torch.float32, 1e-5), (torch.float16, 1e-3), (torch.bfloat16, 5e-3)],
)
def test_dtypes(dtype, tolerance):
    logits, target = example((2, 11, 12, 15), (96, 117), dtype=dtype)
    loss, gradient = ours(logits, target)
    expected = reference(logits, target)
    assert loss.dtype == torch.float32  # computed in it: the loss is as exact
    assert torch.allclose(loss.double(), expected[0], rtol=1e-6)
    assert gradient.dtype == dtype
    assert_close((loss, gradient), expected, tolerance)


def test_float16_gradient_survives_by_the_loss_scale():
    logits, target = example((1, 19, 8, 8), (256, 256), dtype=torch.float16)
    loss = upsample_cross_entropy(logits, target) * 2.0**14
    found = torch.autograd.grad(loss, logits)[0]
    expected = reference(logits, target)[1] * 2.0**14
    assert_close((loss.detach(), found), (loss.detach().double(), expected), 1e-3)


@pytest.mark.parametrize('block', [1, 100, 5000])
def test_small_blocks_change_nothing(monkeypatch, block):
    logits, target = example((3, 5, 12, 10), (96, 77))
    monkeypatch.setattr(bilinear_rows, 'CPU_BLOCK', block)
    assert_close(ours(logits, target), reference(logits, target), 1e-12)


@pytest.mark.parametrize('layout', ['channels_last', 'transposed'])
def test_any_strides(layout):
    logits, target = example((2, 5, 8, 8), (40, 40))
    change = dict(
        channels_last=lambda x: x.to(memory_format=torch.channels_last),
        transposed=lambda x: x.transpose(2, 3),
    )[layout]
    loss = upsample_cross_entropy(change(logits), target)
    found = torch.autograd.grad(loss, logits)[0]
    expected, gradient = reference(change(logits), target)
    back = gradient if layout == 'channels_last' else gradient.transpose(2, 3)
    assert_close((loss.detach(), found), (expected, back), 1e-12)


@pytest.mark.parametrize('dtype', [torch.uint8, torch.int16, torch.int32, torch.int64])
@pytest.mark.parametrize('ignore_index', [255, 0, 3, -1, -100])
def test_target_dtypes_and_ignore_index(dtype, ignore_index):
    ignored = 0.2 if ignore_index >= 0 else 0
    options = dict(ignored=ignored, ignore_index=ignore_index)
    logits, target = example((2, 5, 6, 6), (24, 24), **options)
    found = ours(logits, target.to(dtype), ignore_index=ignore_index)
    assert_close(found, reference(logits, target, ignore_index=ignore_index), 1e-12)


@pytest.mark.parametrize('as_tensor', [False, True])
def test_class_weight_is_that_of_torch(as_tensor):
    weight = [0.5, 2.0, 0.0, 1.5]
    logits, target = example((2, 4, 6, 7), (48, 50))
    expected = reference(logits, target, weight=torch.tensor(weight).double())
    given = torch.tensor(weight) if as_tensor else weight
    assert_close(ours(logits, target, class_weight=given), expected, 1e-12)


@pytest.mark.parametrize(
    'class_weight, avg_non_ignore',
    [(None, True), (None, False), ([0.5, 2.0, 0.25, 1.5], False)],
)
def test_normalisation_is_that_of_mmseg(class_weight, avg_non_ignore):
    logits, target = example((2, 4, 6, 7), (48, 50), dtype=torch.float32)
    options = dict(class_weight=class_weight, avg_non_ignore=avg_non_ignore)
    criterion = CrossEntropyLoss(**options)
    full = F.interpolate(logits, target.shape[1:], mode='bilinear')
    expected = criterion(full, target, ignore_index=255)
    found = ours(logits, target, **options)
    gradient = torch.autograd.grad(expected, logits)[0]
    assert_close(found, (expected.detach().double(), gradient.double()), 1e-5)


@pytest.mark.parametrize('ignored', [0.0, 0.3, 1.0])
def test_accuracy_is_that_of_mmseg(ignored):
    size = (48, 50)
    logits, target = example((2, 4, 6, 7), size, dtype=torch.float32, ignored=ignored)
    loss, found = upsample_cross_entropy(logits, target, return_accuracy=True)
    full = F.interpolate(logits, size, mode='bilinear')
    expected = accuracy(full, target, ignore_index=255)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert not found.requires_grad
    assert loss.item() == upsample_cross_entropy(logits, target).item()


@pytest.mark.parametrize('avg_non_ignore', [True, False])
@pytest.mark.parametrize('class_weight', [None, [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
def test_without_a_counted_pixel_it_is_zero(avg_non_ignore, class_weight):
    ignored = 0 if class_weight == [0.0, 0.0, 0.0] else 1.1
    logits, target = example((2, 3, 4, 4), (16, 16), ignored=ignored)
    loss, gradient = ours(
        logits, target, avg_non_ignore=avg_non_ignore, class_weight=class_weight
    )
    assert loss == 0
    assert not gradient.any()


def test_far_apart_logits_stay_finite():
    logits, target = example((1, 5, 4, 4), (16, 16), dtype=torch.float32)
    logits = (logits.detach() * 1e4).requires_grad_()
    assert_close(ours(logits, target), reference(logits, target), 1e-5)


def test_autocast_keeps_float32():
    logits, target = example((2, 5, 8, 8), (64, 64), dtype=torch.float32)
    expected = ours(logits, target)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found = ours(logits, target)
    assert found[0].dtype == torch.float32
    assert torch.equal(found[0], expected[0])
    assert torch.equal(found[1], expected[1])


def test_backward_scales_and_has_no_second_derivative():
    logits, target = example((1, 5, 4, 4), (16, 16))
    loss = upsample_cross_entropy(logits, target)
    first = torch.autograd.grad(loss, logits, retain_graph=True)[0]
    second = torch.autograd.grad(-3 * loss, logits, retain_graph=True)[0]
    assert torch.allclose(second, -3 * first)
    with pytest.raises(RuntimeError, match=r'create_graph.*F\.cross_entropy'):
        torch.autograd.grad(loss, logits, create_graph=True)


def test_without_gradient():
    logits, target = example((1, 5, 4, 4), (16, 16))
    expected = upsample_cross_entropy(logits, target).detach()
    with torch.no_grad():
        assert not upsample_cross_entropy(logits, target).requires_grad
    assert torch.equal(upsample_cross_entropy(logits.detach(), target), expected)


def test_peak_memory_is_a_fifth_of_stock(device):
    size = (256, 256)
    logits, target = example((2, 150, 32, 32), size, dtype=torch.float32)
    criterion = CrossEntropyLoss(avg_non_ignore=True)

    def stock():
        full = F.interpolate(logits, size, mode='bilinear')
        loss = criterion(full, target, ignore_index=255)
        accuracy(full, target, ignore_index=255)
        torch.autograd.grad(loss, logits)

    _, mine = peak_memory(lambda: ours(logits, target), device)
    assert 0 < mine <= peak_memory(stock, device)[1] / 5


GOOD = torch.zeros(2, 3, 4, 4), torch.zeros(2, 8, 8, dtype=torch.long)


@pytest.mark.parametrize(
    'logits, target, error, message',
    [
        (GOOD[0].long(), GOOD[1], TypeError, 'torch.int64'),
        (GOOD[0], GOOD[1][:, None], ValueError, r'\(2, 1, 8, 8\).*squeeze'),
        (GOOD[0], GOOD[1][:1], ValueError, r'N = 2.*\(1, 8, 8\)'),
        (GOOD[0], GOOD[1].float(), TypeError, 'torch.float32'),
        (GOOD[0], GOOD[1] + 3, ValueError, r'3\.\.3, outside 0\.\.2.*num_classes'),
        (GOOD[0], GOOD[1] - 1, ValueError, r'-1\.\.-1.*reduce_zero_label'),
    ],
)
def test_errors_name_the_value(logits, target, error, message):
    with pytest.raises(error, match=message):
        upsample_cross_entropy(logits, target)
    with pytest.raises(ValueError, match=r'\(2,\).*3 classes'):
        upsample_cross_entropy(*GOOD, class_weight=[1, 2])


def test_corners_are_aligned_unless_told_otherwise():
    logits, target = example((1, 3, 4, 5), (25, 33))
    expected = upsample_cross_entropy(logits, target, align_corners=True)
    assert torch.equal(ops.upsample_cross_entropy(logits, target), expected)
