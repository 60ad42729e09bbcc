"""upsample_argmax against F.interpolate and argmax."""

import pytest
import torch
import torch.nn.functional as F
from largest_tensor import LargestTensor
from upsampling import SHAPES

from mmseg_deeplab.ops import bilinear_rows, upsample_argmax

pytestmark = pytest.mark.usefixtures('device')


def random_logits(shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def stock(logits, size, align_corners):
    """Return the stock labels and the pixels whose two best logits are apart."""
    if logits.dtype != torch.float64:
        logits = logits.float()
    full = F.interpolate(logits, size, mode='bilinear', align_corners=align_corners)
    if full.shape[1] == 1:
        return full.argmax(1), torch.ones_like(full[:, 0], dtype=torch.bool)
    best = full.topk(2, dim=1).values
    return full.argmax(1), best[:, 0] - best[:, 1] > 1e-5


def assert_equals_stock(logits, size, align_corners=False):
    expected, apart = stock(logits, size, align_corners)
    found = upsample_argmax(logits, size, align_corners=align_corners)
    assert found.dtype == torch.int64
    assert found.shape == expected.shape
    assert apart.float().mean() > 0.99
    assert torch.equal(found[apart], expected[apart])


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('shape, size', SHAPES)
def test_equals_stock(shape, size, align_corners):
    assert_equals_stock(random_logits(shape), size, align_corners)


@pytest.mark.parametrize(
    'dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
def test_dtypes(dtype):
    # Half precision ties often; interpolated in float32 on both sides.
    logits = random_logits((2, 6, 9, 9), dtype=dtype)
    expected, apart = stock(logits, (70, 71), False)
    assert torch.equal(upsample_argmax(logits, (70, 71))[apart], expected[apart])


@pytest.mark.parametrize('layout', ['channels_last', 'transposed', 'strided'])
def test_any_strides(layout):
    logits = random_logits((2, 19, 14, 18))
    logits = {
        'channels_last': logits.to(memory_format=torch.channels_last),
        'transposed': logits.transpose(2, 3),
        'strided': logits[:, ::2, 1::2, ::3],
    }[layout]
    assert_equals_stock(logits, (111, 90))


@pytest.mark.parametrize('block', [1, 100, 5000])
def test_small_blocks_change_nothing(monkeypatch, block):
    logits = random_logits((3, 5, 12, 10))
    expected = upsample_argmax(logits, (96, 77))
    monkeypatch.setattr(bilinear_rows, 'CPU_BLOCK', block)
    assert torch.equal(upsample_argmax(logits, (96, 77)), expected)


@pytest.mark.parametrize('classes', [2, 19, 255, 256, 300])
def test_ties_take_the_lowest_class(classes):
    logits = torch.ones(1, classes, 4, 4)
    logits[:, 0, :2] = 0
    found = upsample_argmax(logits, (4, 4))[0]
    assert (found[:2] == 1).all()
    assert (found[2:] == 0).all()


@pytest.mark.parametrize('classes', [19, 300])
def test_nan_gives_some_class(classes):
    logits = random_logits((1, classes, 3, 3))
    logits[0, 1, 1, 1] = torch.nan
    found = upsample_argmax(logits, (12, 12))
    assert found.min() >= 0
    assert found.max() < classes


def test_no_gradient_and_empty_batches():
    logits = torch.zeros(1, 2, 2, 2).requires_grad_()
    assert not upsample_argmax(logits, (4, 4)).requires_grad
    assert upsample_argmax(torch.zeros(0, 3, 4, 4), (8, 9)).shape == (0, 8, 9)


@pytest.mark.parametrize(
    'shape, size', [((1, 64, 64, 64), (512, 512)), ((16, 19, 32, 32), (256, 256))]
)
def test_no_full_size_logits(shape, size):
    with LargestTensor() as largest:
        upsample_argmax(torch.zeros(shape), size)
    full = shape[0] * shape[1] * size[0] * size[1]
    assert 0 < largest.elements <= full / 7


@pytest.mark.parametrize(
    'logits, size, error, message',
    [
        (torch.zeros(3, 4, 4), (8, 8), ValueError, r'\(3, 4, 4\).*logits\[None\]'),
        (torch.zeros(1, 3, 4, 4).int(), (8, 8), TypeError, 'torch.int32'),
        (torch.zeros(1, 3, 4, 4), (8, 0), ValueError, r'size.*\(8, 0\)'),
        (torch.zeros(1, 3, 4, 4), (8.5, 8), ValueError, r'size.*8\.5'),
    ],
)
def test_errors_name_the_value(logits, size, error, message):
    with pytest.raises(error, match=message):
        upsample_argmax(logits, size)
