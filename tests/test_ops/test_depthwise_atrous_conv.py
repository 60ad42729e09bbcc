"""depthwise_atrous_conv2d against PyTorch's own convolution in float64."""

import pytest
import torch
import torch.nn.functional as F
from torch.func import grad, vmap

from mmseg_deeplab.ops import depthwise_atrous_conv, depthwise_atrous_conv2d

pytestmark = pytest.mark.usefixtures('device')

LAYOUTS = [torch.contiguous_format, torch.channels_last]
# (N, C, h, w), sides of the kernel, dilation: padding within and beyond the widest of
# oneDNN, kernels larger than the map, taps that read nothing, one row, one column.
CASES = [
    ((2, 19, 17, 23), (3, 3), 2),
    ((1, 32, 16, 12), (3, 3), 4),
    ((2, 8, 33, 33), (3, 3), 18),
    ((3, 5, 9, 40), (3, 3), 12),
    ((2, 7, 8, 4), (3, 3), 5),
    ((1, 3, 5, 6), (3, 3), 36),
    ((2, 16, 13, 15), (5, 5), 2),
    ((1, 4, 20, 31), (3, 5), 3),
    ((2, 6, 1, 9), (3, 3), 2),
    ((2, 6, 9, 1), (3, 3), 2),
]


def make(shape, sides, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    sizes = shape, (shape[1], 1, *sides), shape[1:2], shape
    return [torch.randn(size, generator=generator).to(dtype) for size in sizes]


def stock(x, weight, bias, dilation):
    padding = [dilation * (side // 2) for side in weight.shape[2:]]
    return F.conv2d(x, weight, bias, 1, padding, dilation, len(weight))


def step(function, dilation, x, weight, bias, gradient):
    given = [tensor.detach().requires_grad_() for tensor in (x, weight, bias)]
    out = function(*given, dilation)
    return out, *torch.autograd.grad(out, given, gradient)


@pytest.mark.parametrize('together', [1, 2**22])
@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('shape, sides, dilation', CASES)
def test_a_step_is_that_of_pytorch(
    shape, sides, dilation, layout, together, monkeypatch
):
    monkeypatch.setattr(depthwise_atrous_conv, 'TOGETHER', together)
    x, weight, bias, gradient = make(shape, sides)
    exact = [tensor.double() for tensor in (x, weight, bias, gradient)]
    x, gradient = (t.contiguous(memory_format=layout) for t in (x, gradient))
    found = step(depthwise_atrous_conv2d, dilation, x, weight, bias, gradient)
    expected = step(stock, dilation, *exact)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one.double(), other, rtol=1e-5, atol=1e-4)
    assert found[0].is_contiguous(memory_format=layout)


@pytest.mark.parametrize('capability', ['AVX512', 'AVX2', 'DEFAULT'])
@pytest.mark.parametrize('dtype', [torch.float64, torch.float32, torch.bfloat16])
@pytest.mark.parametrize('shape, sides, dilation', CASES)
def test_a_prediction_is_that_of_pytorch(
    shape, sides, dilation, dtype, capability, monkeypatch
):
    monkeypatch.setattr(torch.backends.cpu, 'get_cpu_capability', lambda: capability)
    x, weight, bias, _ = make(shape, sides, dtype)
    with torch.no_grad():
        found = depthwise_atrous_conv2d(x, weight, bias, dilation)
        torch.testing.assert_close(found, stock(x, weight, bias, dilation))


def test_the_formulas_of_the_gradients_are_exact():
    """In float64, in forward mode and the gradient of the gradient, too."""
    x, weight, _, _ = make((2, 3, 7, 8), (3, 3), torch.float64)
    for values in (x, x.contiguous(memory_format=torch.channels_last)):
        given = values.detach().requires_grad_(), weight.detach().requires_grad_(), 2
        function = depthwise_atrous_conv._DepthwiseAtrousConv.apply
        assert torch.autograd.gradcheck(function, given, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(function, given)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_torch_func_gives_the_gradients_of_each_image(layout):
    x, weight, bias, _ = make((3, 4, 9, 11), (3, 3))
    found, expected = (
        vmap(
            grad(lambda w, image, f=f: f(image[None], w, bias, 2).square().sum()),
            in_dims=(None, 0),
        )(weight, x.contiguous(memory_format=layout))
        for f in (depthwise_atrous_conv2d, stock)
    )
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize('frozen', [0, 1])
def test_what_is_frozen_gets_no_gradient(frozen):
    given = make((2, 3, 7, 8), (3, 3))[:2]
    given[1 - frozen].requires_grad_()
    depthwise_atrous_conv2d(*given, None, 2).sum().backward()
    assert given[frozen].grad is None
    assert given[1 - frozen].grad is not None


def test_one_image_without_a_batch():
    x, weight, bias, _ = make((1, 8, 9, 9), (3, 3))
    found = depthwise_atrous_conv2d(x[0], weight, bias, 5)
    torch.testing.assert_close(found, stock(x, weight, bias, 5)[0])


def test_autocast_around_the_backward_pass_alone_changes_nothing(device):
    x, weight, _, gradient = make((2, 8, 33, 33), (3, 3))
    x.requires_grad_()
    out = depthwise_atrous_conv2d(x, weight, None, 12)
    (expected,) = torch.autograd.grad(out, x, gradient, retain_graph=True)
    with torch.autocast(device.type, torch.bfloat16):
        (found,) = torch.autograd.grad(out, x, gradient)
    torch.testing.assert_close(found, expected)


def test_autocast_computes_a_step_in_bfloat16(device):
    x, weight, bias, gradient = make((2, 8, 33, 33), (3, 3))
    with torch.autocast(device.type, torch.bfloat16):
        found = step(depthwise_atrous_conv2d, 12, x, weight, bias, gradient.bfloat16())
        expected = step(stock, 12, x, weight, bias, gradient.bfloat16())
    assert found[0].dtype == torch.bfloat16
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=0.02, atol=0.3)
