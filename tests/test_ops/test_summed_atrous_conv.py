"""summed_atrous_conv2d against the sum of PyTorch's own convolutions."""

import pytest
import torch
import torch.nn.functional as F

from mmseg_deeplab.ops import summed_atrous_conv, summed_atrous_conv2d

pytestmark = pytest.mark.usefixtures('device')

ASPP_L = (6, 12, 18, 24)


@pytest.fixture
def product(monkeypatch):
    """Keep small test sizes from the plain path; cut them into many row blocks."""
    monkeypatch.setattr(summed_atrous_conv, 'plain_wins', lambda *_, **__: False)
    monkeypatch.setattr(summed_atrous_conv, 'BLOCK_WORK', 1)


def make(shape, classes, dilations, *, bias=True, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def draw(*size):
        values = torch.randn(size, generator=generator, dtype=torch.float64)
        return values.to(dtype).requires_grad_()

    x = draw(*shape)
    weights = [draw(classes, shape[1], 3, 3) for _ in dilations]
    return x, weights, [draw(classes) for _ in dilations] if bias else None


def reference(x, weights, biases, dilations):
    biases = biases or [None] * len(weights)
    return sum(
        F.conv2d(x, weight, bias, padding=rate, dilation=rate)
        for weight, bias, rate in zip(weights, biases, dilations, strict=True)
    )


def gradients(function, x, weights, biases, dilations):
    out = function(x, weights, biases, dilations)
    ramp = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
    return out, *torch.autograd.grad(out, [x, *weights, *(biases or [])], ramp)


LAYOUTS = {
    'contiguous': lambda x: x,
    'channels_last': lambda x: x.contiguous(memory_format=torch.channels_last),
    'transposed': lambda x: x.mT.contiguous().mT,
    'sliced': lambda x: F.pad(x, (2, 1, 0, 3))[:, :, :-3, 2:-1],
}


@pytest.mark.parametrize('dtype', [torch.float64, torch.float32])
@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize(
    'shape, dilations',
    [
        ((2, 7, 27, 31), ASPP_L),
        ((1, 3, 13, 40), ASPP_L),  # the outer rates leave the map by rows only
        ((2, 3, 1, 1), (1, 2)),
        ((1, 5, 9, 1), (2,)),
        ((3, 4, 6, 8), (1, 3, 3, 5, 30)),
    ],
)
@pytest.mark.usefixtures('product')
def test_equals_the_convolutions(shape, dilations, layout, dtype):
    x, weights, biases = make(shape, 5, dilations, dtype=dtype)
    given = LAYOUTS[layout](x.detach()).requires_grad_()
    found = gradients(summed_atrous_conv2d, given, weights, biases, dilations)
    expected = gradients(reference, x, weights, biases, dilations)
    tolerance = dict(rtol=1e-4, atol=1e-4) if dtype == torch.float32 else {}
    torch.testing.assert_close(found, expected, **tolerance)


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.usefixtures('product')
def test_memory_bounds_do_not_change_the_result(monkeypatch, bias):
    case = *make((2, 4, 17, 11), 3, ASPP_L, bias=bias), ASPP_L
    expected = gradients(reference, *case)
    monkeypatch.setattr(summed_atrous_conv, 'BLOCK_ELEMENTS', 1)
    monkeypatch.setattr(summed_atrous_conv, 'CHUNK_ELEMENTS', 1)
    torch.testing.assert_close(gradients(summed_atrous_conv2d, *case), expected)


@pytest.mark.parametrize('wanted', ['x', 'second weight', 'first bias'])
@pytest.mark.usefixtures('product')
def test_gradients_only_where_asked_for(wanted):
    x, weights, biases = make((1, 3, 9, 8), 2, (1, 4))
    biases[1] = None  # a branch may lack one
    chosen = {'x': x, 'second weight': weights[1], 'first bias': biases[0]}[wanted]
    for tensor in (x, *weights, biases[0]):
        tensor.requires_grad_(tensor is chosen)
    found, expected = (
        torch.autograd.grad(function(x, weights, biases, (1, 4)).square().sum(), chosen)
        for function in (summed_atrous_conv2d, reference)
    )
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.usefixtures('product')
def test_low_precision_is_as_exact_as_the_convolutions(dtype):
    case = *make((2, 32, 15, 13), 4, ASPP_L, dtype=dtype), ASPP_L
    tensors = (case[0], *case[1], *case[2])
    exact = [tensor.detach().double().requires_grad_() for tensor in tensors]
    exact = gradients(reference, exact[0], exact[1:5], exact[5:], ASPP_L)
    ours, theirs = (gradients(f, *case) for f in (summed_atrous_conv2d, reference))
    for found, plain, true in zip(ours, theirs, exact, strict=True):
        assert found.dtype == dtype
        error, allowed = ((t - true).abs().max() for t in (found, plain))
        assert error <= 1.5 * allowed


@pytest.mark.parametrize('plain', [True, False])
def test_autocast_casts_as_for_a_convolution(monkeypatch, plain):
    monkeypatch.setattr(summed_atrous_conv, 'plain_wins', lambda *_, **__: plain)
    case = *make((1, 8, 9, 9), 3, ASPP_L, dtype=torch.float32), ASPP_L
    with torch.autocast('cpu', torch.bfloat16):
        found = gradients(summed_atrous_conv2d, *case)
        expected = gradients(reference, *case)
    assert [t.dtype for t in found] == [t.dtype for t in expected]
    torch.testing.assert_close(found, expected, rtol=0.05, atol=0.1)


@pytest.mark.usefixtures('product')
def test_gradients_of_two_batches_add_up():
    x, weights, biases = make((4, 3, 6, 7), 2, (1, 2, 3))
    parameters = [*weights, *biases]
    summed_atrous_conv2d(x, weights, biases, (1, 2, 3)).square().sum().backward()
    whole = [parameter.grad for parameter in parameters]
    for parameter in parameters:
        parameter.grad = None
    for half in x.detach().split(2):
        summed_atrous_conv2d(half, weights, biases, (1, 2, 3)).square().sum().backward()
    torch.testing.assert_close([p.grad for p in parameters], whole)
    assert len({p.grad.data_ptr() for p in parameters}) == len(parameters)


@pytest.mark.usefixtures('product')
def test_second_derivative_is_refused():
    x, weights, biases = make((1, 2, 5, 5), 2, (1, 2))
    out = summed_atrous_conv2d(x, weights, biases, (1, 2)).square().sum()
    (grad,) = torch.autograd.grad(out, x, create_graph=True)
    with pytest.raises(RuntimeError, match='no autograd formula'):
        grad.sum().backward()


@pytest.mark.slow
@pytest.mark.usefixtures('product')
def test_compiles_without_graph_break():
    case = *make((1, 4, 9, 7), 3, ASPP_L, dtype=torch.float32), ASPP_L
    compiled = torch.compile(summed_atrous_conv2d, fullgraph=True, backend='aot_eager')
    found, expected = (gradients(f, *case) for f in (compiled, reference))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures('product')
def test_operators_keep_their_promises_to_the_compiler():
    x, weights, biases = make((1, 2, 5, 6), 2, (1, 2), dtype=torch.float32)
    torch.library.opcheck(
        torch.ops.mmseg_deeplab.summed_atrous_conv2d, (x, weights, biases[0], [1, 2])
    )


PLAIN = [
    # C, K, size, channels_last, training, plain; each a corner of the measured table
    (2048, 19, 65, False, False, False),
    (2048, 21, 65, False, True, False),
    (512, 19, 33, False, False, True),
    (512, 19, 33, False, True, False),
    (512, 2, 33, True, False, False),
    (512, 16, 65, False, True, True),  # 16 classes waste nothing
    (512, 32, 65, False, True, True),
    (1024, 150, 65, False, True, True),
    (2048, 64, 65, False, False, False),
    (2048, 64, 33, False, False, True),
    (2048, 64, 33, False, True, False),
    (2048, 171, 65, True, False, True),
    (2048, 171, 65, False, True, True),  # many classes keep a convolution busy
]


@pytest.mark.parametrize('channels, classes, size, last, training, plain', PLAIN)
def test_rule_for_the_plain_path(channels, classes, size, last, training, plain):
    x = torch.empty(1, channels, size, size)
    x = x.contiguous(memory_format=torch.channels_last) if last else x
    found = summed_atrous_conv.plain_wins(x, classes, ASPP_L, training=training)
    assert found == plain


@pytest.mark.parametrize(
    'device, shape', [('meta', (1, 2048, 65, 65)), ('cpu', (0, 3, 4, 4))]
)
def test_plain_where_nothing_is_computed(device, shape):
    x = torch.empty(shape, device=device)
    weights = [torch.empty(19, shape[1], 3, 3, device=device) for _ in ASPP_L]
    out = summed_atrous_conv2d(x, weights, None, ASPP_L)
    assert out.shape == (shape[0], 19, *shape[2:])


@pytest.mark.parametrize('training', [True, False])
def test_rule_is_followed(monkeypatch, training):
    monkeypatch.setattr(summed_atrous_conv, 'plain_wins', lambda *_, training: training)
    called = []
    monkeypatch.setattr(summed_atrous_conv, '_apply_taps', lambda *_: called.append(1))
    x, weights, biases = make((1, 2, 5, 5), 3, (1, 2))
    with torch.set_grad_enabled(training):
        found = summed_atrous_conv2d(x, weights, biases, (1, 2))
    assert len(called) == (not training)
    if training:
        torch.testing.assert_close(found, reference(x, weights, biases, (1, 2)))


@pytest.mark.parametrize(
    'change, error, message',
    [
        (dict(dilations=(1,)), ValueError, 'branches'),
        (dict(dilations=(1, 0)), ValueError, 'at least 1, received 0'),
        (dict(dilations=(1, 1.5)), TypeError, 'received 1.5'),
        (dict(x=torch.zeros(1, 4, 5, 5)), ValueError, 'the input has 4 channels'),
        (dict(x=torch.zeros(1, 3, 5, 5).double()), TypeError, 'move one with'),
        (dict(weights=[torch.zeros(2, 3, 1, 1)] * 2), ValueError, 'weights must'),
        (dict(biases=[None, torch.zeros(3)]), ValueError, 'biases'),
    ],
)
def test_bad_input_is_named(change, error, message):
    good = dict(
        x=torch.zeros(1, 3, 5, 5),
        weights=[torch.zeros(2, 3, 3, 3)] * 2,
        biases=[torch.zeros(2)] * 2,
        dilations=(1, 2),
    )
    with pytest.raises(error, match=message):
        summed_atrous_conv2d(**(good | change))
