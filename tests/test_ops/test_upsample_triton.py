"""The Triton kernels: interpreted, compiled, and run on a GPU if there is one."""

import importlib
import sys
from functools import partial

import pytest
import torch
import torch.nn.functional as F
import upsampling
from torch._subclasses.fake_tensor import FakeTensorMode

from mmseg_deeplab import ops
from mmseg_deeplab.ops import triton_upsample, upsample_argmax
from mmseg_deeplab.ops.upsample_argmax import _argmax_by_rows
from mmseg_deeplab.ops.upsample_cross_entropy import _sums_by_rows
from mmseg_deeplab.utils.errors import InputError

pytest.importorskip('triton')
from triton_interpreter import interpreter as interpreter_of

# As PyTorch interpolates.
upsample_cross_entropy = partial(ops.upsample_cross_entropy, align_corners=False)
on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
SHAPES = [
    ((2, 5, 2, 3), (9, 17)),  # 8k + 1
    ((1, 6, 2, 2), (16, 32)),
    ((1, 3, 4, 6), (11, 16)),  # no whole factor
    ((1, 2, 3, 4), (3, 4)),  # no resizing
    ((1, 3, 7, 5), (4, 3)),  # smaller
    ((1, 2, 7, 2), (3, 11)),  # smaller and larger
    ((1, 2, 1, 1), (5, 40)),  # more columns of one neighbour than fit a tile
    ((1, 1, 2, 1), (3, 4)),
]


@pytest.fixture(scope='module')
def interpreter(root):
    with interpreter_of(root) as call:
        yield call


def example(shape, size, dtype=torch.float32, **options):
    return upsampling.example(shape, size, dtype=dtype, **options)


def assert_close(found, expected, tolerance=1e-6):
    """Compare the four sums and the gradient, relative to the largest of each."""
    for ours, theirs in zip(found, expected, strict=True):
        scale = theirs.abs().max().clamp(min=1e-3)
        assert (ours.double() - theirs.double()).abs().max() <= tolerance * scale
    assert torch.equal(found[0][2:].double(), expected[0][2:].double())  # counts


def full_size(logits, target, class_weight=None, align_corners=False):
    """Return sums and gradient by full-size logits in float64."""
    leaf, full = upsampling.full_size(logits, target.shape[1:], align_corners)
    weight = torch.ones(leaf.shape[1]) if class_weight is None else class_weight
    weight = weight.to(leaf)
    loss = F.cross_entropy(
        full, target, weight=weight, ignore_index=255, reduction='sum'
    )
    labels = target[target != 255]
    right = (full.argmax(1) == target).sum()
    parts = [loss.detach(), weight[labels].sum(), right, labels.new_tensor(len(labels))]
    sums = torch.stack([part.double() for part in parts])
    return sums, torch.autograd.grad(loss, leaf)[0]


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('shape, size', SHAPES)
def test_cross_entropy_equals_torch(interpreter, shape, size, align_corners):
    task = *example(shape, size), 255, None, align_corners, True
    found = interpreter('cross_entropy_sums', *task)
    assert_close(found, _sums_by_rows(*task))


@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('shape, size', SHAPES[:7])
def test_argmax_equals_torch(interpreter, shape, size, align_corners):
    task = example(shape, size)[0], size, align_corners
    found = interpreter('argmax_labels', *task)
    assert found.dtype == torch.int64
    assert torch.equal(found, _argmax_by_rows(*task))


def test_cross_entropy_equals_full_size(interpreter):
    logits, target = example((1, 5, 3, 4), (20, 31))
    weight = torch.tensor([0.5, 2.0, 0.0, 1.0, 3.0])
    found = interpreter('cross_entropy_sums', logits, target, 255, weight, False, True)
    assert_close(found, full_size(logits, target, weight))
    task = logits, target, 255, weight, False, False  # no gradient is made unasked
    sums, gradient = interpreter('cross_entropy_sums', *task)
    assert gradient is None and torch.equal(sums, found[0])


@pytest.mark.parametrize('ignore_index', [0, 2, -100, 2**40])
def test_weights_and_ignore_index(interpreter, ignore_index):
    logits, target = example((2, 4, 2, 2), (6, 7), ignore_index=ignore_index)
    weight = torch.tensor([0.5, 2.0, 0.25, 1.5])
    task = logits, target, ignore_index, weight, False, True
    assert_close(interpreter('cross_entropy_sums', *task), _sums_by_rows(*task))


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(interpreter, dtype):
    logits, target = example((1, 3, 2, 2), (10, 14), dtype=dtype)
    task = logits, target, 255, None, False, True
    found = interpreter('cross_entropy_sums', *task)
    assert found[1].dtype == torch.float32
    assert_close(found, _sums_by_rows(*task))
    labels = interpreter('argmax_labels', logits, (10, 14), False)
    assert torch.equal(labels, _argmax_by_rows(logits, (10, 14), False))


def test_far_apart_logits_keep_their_probabilities(interpreter):
    # Neighbours at 1e4 with gaps of a few units: log-sum-exp would lose the digits.
    logits, target = example((1, 5, 2, 3), (8, 9))
    task = logits + 1e4, target, 255, None, False, True
    expected = _sums_by_rows(*task)
    assert_close(interpreter('cross_entropy_sums', *task), expected, 2e-6)


@pytest.mark.parametrize('layout', ['channels_last', 'strided'])
def test_any_strides(interpreter, layout):
    logits, target = example((1, 4, 4, 6), (9, 10))
    logits = {
        'channels_last': logits.to(memory_format=torch.channels_last),
        'strided': logits[:, ::2, 1::3, ::2],
    }[layout]
    target = target.where(target == 255, target % 2)[:, :, ::2]
    task = logits, target, 255, None, False, True
    assert_close(interpreter('cross_entropy_sums', *task), _sums_by_rows(*task))


def test_ties_take_the_lowest_class_and_nan_some_class(interpreter):
    logits = torch.ones(1, 6, 2, 4)
    logits[:, 0, :1] = 0
    found = interpreter('argmax_labels', logits, (2, 4), False)[0]
    assert found.tolist() == [[1] * 4, [0] * 4]
    logits[0, :2, 1, 1] = torch.nan
    found = interpreter('argmax_labels', logits, (9, 9), False)
    assert 0 <= found.min() <= found.max() < 6


COMPILED = {
    'softmax_kernel': dict(WEIGHTED=True, KEEP=True, ROWS=8, COLUMNS=64, UNROLL=4),
    'gradient_kernel': dict(WEIGHTED=True, CLASSES=4, COLUMNS=8, REACH=16),
    'argmax_kernel': dict(ROWS=8, COLUMNS=64, UNROLL=4),
}
INTEGERS = {
    **dict.fromkeys(('target', 'labels'), '*i64'),
    **dict.fromkeys(('row_chunks', 'row_starts', 'column_lows'), '*i32'),
    'column_starts': '*i32',
}


@pytest.mark.slow
@pytest.mark.parametrize('capability, dtype', [(80, 'bf16'), (90, 'fp16')])
@pytest.mark.parametrize('name', COMPILED)
def test_compiles(monkeypatch, tmp_path, name, capability, dtype):
    """To machine code, for an A100 and an H100, neither of which is needed."""
    triton = importlib.import_module('triton')
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    kernels = triton_upsample._kernels()
    kernel, constants = getattr(kernels, name), COMPILED[name]
    types = {'logits': f'*{dtype}', **INTEGERS}
    types |= dict.fromkeys(kernels.SIZES, 'i32') | dict.fromkeys(constants, 'constexpr')
    signature = {name: types.get(name, '*fp32') for name in kernel.arg_names}
    compiled = triton.compile(
        ASTSource(kernel, signature, constants),
        target=GPUTarget('cuda', capability, 32),
    )
    assert compiled.asm['cubin'][:4] == b'\x7fELF'


@pytest.fixture
def pretend_wanted(monkeypatch):
    """Send CPU tensors to the kernels, which a compiled kernel cannot read."""
    monkeypatch.setattr(triton_upsample, 'wanted', lambda logits: True)
    monkeypatch.setattr(triton_upsample, '_failed', set())
    monkeypatch.setattr(triton_upsample, '_checked', set())


def test_both_fall_back_with_one_warning(pretend_wanted, recwarn):
    logits, target = example((1, 3, 4, 4), (16, 16))
    with pytest.warns(RuntimeWarning, match='argmax_labels: Triton kernel not usable'):
        labels = upsample_argmax(logits, (16, 16))
    assert torch.equal(labels, _argmax_by_rows(logits, (16, 16), False))
    logits.requires_grad_()
    with pytest.warns(RuntimeWarning, match=r'cross_entropy_sums.*Error: .*=0'):
        found = upsample_cross_entropy(logits, target)
    recwarn.clear()
    assert upsample_cross_entropy(logits, target).item() == found.item()
    assert not recwarn.list
    gradient = torch.autograd.grad(found, logits)[0]
    sums, expected = _sums_by_rows(logits.detach(), target, 255, None, False, True)
    assert torch.allclose(gradient, expected / sums[3])


def test_a_missing_triton_is_named(pretend_wanted, monkeypatch):
    monkeypatch.setitem(sys.modules, 'triton', None)
    monkeypatch.delitem(sys.modules, 'mmseg_deeplab.ops.triton_kernels', raising=False)
    with pytest.warns(RuntimeWarning, match=r'ModuleNotFoundError.*triton'):
        upsample_argmax(torch.zeros(1, 2, 2, 2), (4, 4))


LOGITS = torch.linspace(-3, 3, 96).view(1, 3, 4, 8)


@pytest.mark.parametrize(
    'raised, expected, message',
    [
        (torch.OutOfMemoryError('memory'), torch.OutOfMemoryError, 'memory'),
        (torch.AcceleratorError('assert'), torch.AcceleratorError, 'assert'),
        (OSError(28, 'No space left', '/c'), InputError, '/c: No space.*CACHE_DIR'),
    ],
)
def test_what_is_no_fault_of_a_kernel_is_raised(
    pretend_wanted, monkeypatch, raised, expected, message
):
    def argmax_labels(*_):
        raise raised

    monkeypatch.setattr(triton_upsample, 'argmax_labels', argmax_labels)
    for _ in range(2):
        with pytest.raises(expected, match=message):
            upsample_argmax(LOGITS, (16, 16))


@pytest.mark.parametrize('name', ['argmax_labels', 'cross_entropy_sums'])
@pytest.mark.parametrize('is_wrong', [False, True])
def test_the_first_use_of_a_kernel_is_compared(
    pretend_wanted, monkeypatch, name, is_wrong, recwarn
):
    calls = []
    plain = dict(argmax_labels=_argmax_by_rows, cross_entropy_sums=_sums_by_rows)[name]

    def kernel(*args):
        calls.append(args[0].shape)
        found = plain(*args)
        if is_wrong:
            (found if name == 'argmax_labels' else found[1]).zero_()
        return found

    kernel.__name__ = name
    monkeypatch.setattr(triton_upsample, name, kernel)
    target = torch.arange(3).repeat(1, 9, 3)
    for _ in range(2):
        labels = upsample_argmax(LOGITS, (9, 9))
        loss = upsample_cross_entropy(LOGITS.clone().requires_grad_(), target)
    assert torch.equal(labels, _argmax_by_rows(LOGITS, (9, 9), False))
    sums, _ = _sums_by_rows(LOGITS, target, 255, None, False, False)
    assert loss.item() == pytest.approx((sums[0] / sums[3]).item())
    warned = [w for w in recwarn if f'{name}: Triton' in str(w.message)]
    assert len(warned) == is_wrong
    small = (2, 3, 5, 7)  # other options are compared anew
    if not is_wrong:
        upsample_argmax(LOGITS, (9, 9), align_corners=True)
        upsample_cross_entropy(LOGITS, target)
        assert calls[3:] == [small, LOGITS.shape]
        del calls[3:]
    assert calls == [small] if is_wrong else [small, LOGITS.shape, LOGITS.shape]


@pytest.mark.parametrize(
    'shape, dtype, device, switch, expected',
    [
        ((1, 2, 4, 4), torch.float32, 'cuda', None, True),
        ((1, 2, 4, 4), torch.bfloat16, 'cuda', '1', True),
        ((1, 2, 4, 4), torch.float32, 'cuda', '0', False),
        ((1, 2, 4, 4), torch.float64, 'cuda', None, False),
        ((0, 2, 4, 4), torch.float32, 'cuda', None, False),
        ((1, 2, 4, 4), torch.float32, 'cpu', None, False),
    ],
)
def test_wanted(monkeypatch, shape, dtype, device, switch, expected):
    monkeypatch.delenv('MMSEG_DEEPLAB_TRITON', raising=False)
    if switch is not None:
        monkeypatch.setenv('MMSEG_DEEPLAB_TRITON', switch)
    with FakeTensorMode():
        logits = torch.empty(shape, dtype=dtype, device=device)
    assert triton_upsample.wanted(logits) == expected


@pytest.fixture
def no_fallback(monkeypatch):
    """Fail instead of taking the torch form."""
    monkeypatch.setattr(triton_upsample, '_failed', set())
    monkeypatch.setattr(
        triton_upsample, 'attempt', lambda function, plain, *args: function(*args)
    )


BIG = [
    ((2, 150, 64, 64), (512, 512)),
    ((2, 19, 65, 129), (513, 1025)),
    ((1, 21, 41, 41), (321, 321)),
    ((1, 7, 100, 90), (33, 400)),
]


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('shape, size', [*SHAPES, *BIG])
def test_cuda_cross_entropy_equals_full_size(no_fallback, shape, size, align_corners):
    logits, target = (tensor.cuda() for tensor in example(shape, size))
    weight = torch.rand(shape[1], device='cuda') + 0.5
    task = logits, target, 255, weight, align_corners, True
    sums, gradient = triton_upsample.cross_entropy_sums(*task)
    again = triton_upsample.cross_entropy_sums(*task)
    assert torch.equal(sums, again[0]) and torch.equal(gradient, again[1])
    expected = full_size(logits, target, weight, align_corners)
    assert torch.allclose(sums[:2].double(), expected[0][:2], rtol=1e-5)
    assert (sums[2:] - expected[0][2:]).abs().max() <= 1e-5 * target.numel() + 1
    scale = expected[1].abs().max()
    assert (gradient - expected[1]).abs().max() <= 1e-5 * scale


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16, torch.float32])
def test_cuda_dtypes_by_the_public_functions(no_fallback, dtype):
    logits, target = (t.cuda() for t in example(*BIG[1], dtype=dtype))
    logits.requires_grad_()
    loss, accuracy = upsample_cross_entropy(logits, target, return_accuracy=True)
    gradient = torch.autograd.grad(loss * 1024, logits)[0]
    sums, expected = full_size(logits.detach(), target)
    assert gradient.dtype == dtype
    assert loss.item() == pytest.approx((sums[0] / sums[3]).item(), rel=1e-5)
    assert accuracy.item() == pytest.approx((100 * sums[2] / sums[3]).item(), abs=0.01)
    expected = expected * 1024 / sums[3]
    tolerance = max(1e-5, torch.finfo(dtype).eps)
    assert (gradient - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize('align_corners', [False, True])
@pytest.mark.parametrize('shape, size', BIG)
def test_cuda_argmax_equals_stock(no_fallback, shape, size, align_corners):
    logits = example(shape, size)[0].cuda()
    full = F.interpolate(logits, size, mode='bilinear', align_corners=align_corners)
    best = full.topk(2, dim=1).values
    apart = best[:, 0] - best[:, 1] > 1e-5
    found = upsample_argmax(logits, size, align_corners=align_corners)
    assert torch.equal(found[apart], full.argmax(1)[apart])


@pytest.mark.gpu
@on_gpu
def test_cuda_peak_memory_is_a_fifth_of_stock(no_fallback):
    logits, target = (tensor.cuda() for tensor in example(*BIG[0]))
    logits.requires_grad_()

    def stock():
        full = F.interpolate(logits, target.shape[1:], mode='bilinear')
        return F.cross_entropy(full, target, ignore_index=255)

    peaks = []
    for function in (lambda: upsample_cross_entropy(logits, target), stock):
        held = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        torch.autograd.grad(function(), logits)
        peaks.append(torch.cuda.max_memory_allocated() - held)
    assert 0 < peaks[0] <= peaks[1] / 5
