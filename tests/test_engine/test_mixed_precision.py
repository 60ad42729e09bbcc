"""MixedPrecisionOptimWrapper: bfloat16 where there is no GPU."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from mmseg_deeplab.engine import MixedPrecisionOptimWrapper

needs_cpu = pytest.mark.skipif(torch.cuda.is_available(), reason='has a GPU')


def model() -> torch.nn.Linear:
    torch.manual_seed(0)
    return torch.nn.Linear(64, 8)


def trained(wrapper_type: type, **options) -> tuple[torch.nn.Module, torch.dtype]:
    net = model()
    optim = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    wrapper = wrapper_type(optimizer=optim, **options)
    batch = torch.linspace(-1, 1, 640).reshape(10, 64)
    for _ in range(3):
        with wrapper.optim_context(net):
            scores = net(batch)
            loss = scores.float().square().mean()
        wrapper.update_params(loss)
    return net, scores.dtype


@needs_cpu
def test_a_cpu_computes_in_bfloat16_and_keeps_weights_in_float32():
    net, dtype = trained(MixedPrecisionOptimWrapper)
    exact, exact_dtype = trained(OptimWrapper)
    assert (dtype, exact_dtype) == (torch.bfloat16, torch.float32)
    assert net.weight.dtype == torch.float32
    torch.testing.assert_close(net.weight, exact.weight, rtol=0.02, atol=1e-3)
    assert not torch.equal(net.weight, exact.weight)


@needs_cpu
def test_gradients_are_clipped_and_accumulated_as_without_it():
    options = dict(clip_grad=dict(max_norm=0.01), accumulative_counts=3)
    net, _ = trained(MixedPrecisionOptimWrapper, **options)
    exact, _ = trained(OptimWrapper, **options)
    torch.testing.assert_close(net.weight, exact.weight, rtol=0.02, atol=1e-5)
    before = torch.cat([p.detach().flatten() for p in model().parameters()])
    after = torch.cat([p.detach().flatten() for p in net.parameters()])
    assert (after - before).norm().item() == pytest.approx(0.1 * 0.01, rel=0.01)


@needs_cpu
def test_its_state_is_loaded_again():
    optim = torch.optim.SGD(model().parameters(), lr=0.1)
    wrapper = MixedPrecisionOptimWrapper(optimizer=optim)
    state = wrapper.state_dict()
    state['param_groups'][0]['lr'] = 0.05
    wrapper.load_state_dict(state)
    assert wrapper.get_lr()['lr'] == [0.05]


def test_other_types_are_refused():
    optim = torch.optim.SGD(model().parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"float16.*received 'float64'"):
        MixedPrecisionOptimWrapper(optimizer=optim, dtype='float64')


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_a_gpu_scales_the_loss_in_float16_only(dtype):
    net = model().cuda()
    optim = torch.optim.SGD(net.parameters(), lr=0.1)
    wrapper = MixedPrecisionOptimWrapper(optimizer=optim, dtype=dtype)
    with wrapper.optim_context(net):
        scores = net(torch.ones(2, 64, device='cuda'))
    wrapper.update_params(scores.float().square().mean())
    assert scores.dtype == getattr(torch, dtype)
    assert wrapper.loss_scaler.is_enabled() == (dtype == 'float16')
    assert not torch.equal(net.weight.cpu(), model().weight)
