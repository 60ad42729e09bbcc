"""Hooks that make a training step faster and leave its results as they are."""

from types import SimpleNamespace

import pytest
import torch
from mmseg.models import SegTTAModel
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from small_segmentor import (
    auxiliary_head,
    random_images,
    random_samples,
    small_segmentor,
)
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

K, SIZE = 5, 65


def build() -> nn.Module:
    """Return a segmentor with two heads and without randomness, in training."""
    bn = dict(norm_cfg=dict(type='BN'), dropout_ratio=0.0)
    model = small_segmentor(
        'LeanEncoderDecoder', 'DeepLabV3PlusHead', num_classes=K, frozen_bn='none',
        head_options=bn, auxiliary_head=auxiliary_head(K) | bn, std=0.1,
        preprocessor=dict(size=(SIZE, SIZE)),
    )  # fmt: skip
    return model.double().train()


def batch() -> tuple[torch.Tensor, list[SegDataSample]]:
    size = (SIZE, SIZE)
    return random_images(2, size).double(), random_samples(2, size, K)


def run(hook: dict, stage: str, model: nn.Module) -> nn.Module:
    getattr(HOOKS.build(hook), stage)(SimpleNamespace(model=model))
    return model


def gradients(model: nn.Module) -> dict[str, torch.Tensor]:
    losses, _ = model.parse_losses(model.loss(*batch()))
    losses.backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    return found | dict(loss=losses.detach())


def assert_same_step(stock: nn.Module, ours: nn.Module) -> None:
    expected, found = gradients(stock), gradients(ours)
    assert expected.keys() == found.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)


def test_channels_last_is_the_same_step():
    assert_same_step(build(), run(dict(type='ChannelsLastHook'), 'before_run', build()))


def test_channels_last_keeps_the_gradients_of_distributed_training():
    """A wrapper made before the weights change their format mixes their elements."""
    distributed.init_process_group(
        'gloo', store=distributed.HashStore(), rank=0, world_size=1
    )
    try:
        net, image = nn.Conv2d(3, 4, 3).double(), torch.randn(2, 3, 9, 9).double()
        expected = torch.autograd.grad(net(image).square().sum(), net.weight)[0]
        wrap = DistributedDataParallel
        runner = SimpleNamespace(
            model=wrap(net), cfg={}, wrap_model=lambda settings, model: wrap(model)
        )
        HOOKS.build(dict(type='ChannelsLastHook')).before_run(runner)
        runner.model(image).square().sum().backward()
    finally:
        distributed.destroy_process_group()
    torch.testing.assert_close(net.weight.grad, expected)


def test_every_feature_map_is_channels_last():
    model = run(dict(type='ChannelsLastHook'), 'before_run', build())
    found = []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda m, i, out: found.append(out))
    model.loss(*batch())
    wide = [x for x in found if min(x.shape[1:]) > 1]  # else the formats are one
    assert len(wide) > 20
    assert all(x.is_contiguous(memory_format=torch.channels_last) for x in wide)


@pytest.mark.parametrize('training', [True, False])
def test_bn_of_few_channels_is_trained_in_the_default_format(training):
    bns = nn.BatchNorm2d(15), nn.BatchNorm2d(16)
    image = torch.randn(2, 31, 3, 4).contiguous(memory_format=torch.channels_last)
    model = run(dict(type='ChannelsLastHook'), 'before_run', nn.ModuleList(bns))
    model.train(training)
    contiguous = []
    for bn, part in zip(bns, image.split([15, 16], dim=1), strict=True):
        bn.register_forward_pre_hook(
            lambda bn, given: contiguous.append(given[0].is_contiguous())
        )
        out = bn(part.contiguous(memory_format=torch.channels_last))
        assert out.is_contiguous(memory_format=torch.channels_last)
    assert contiguous == [training, False]


@pytest.mark.parametrize('bn', [nn.BatchNorm1d(3), nn.BatchNorm3d(3)])
def test_vectors_and_volumes_pass_bn_of_few_channels(bn):
    values = torch.randn(5, 3, 4)
    if isinstance(bn, nn.BatchNorm3d):  # not contiguous
        values = values[..., None].expand(-1, -1, -1, 2)[..., None].transpose(2, 3)
    expected = bn(values)
    found = run(dict(type='ChannelsLastHook'), 'before_run', nn.ModuleList([bn]))[0]
    torch.testing.assert_close(found(values), expected)


def test_channels_last_keeps_the_tensors_of_the_optimizer():
    model = build()
    before = list(model.parameters())
    run(dict(type='ChannelsLastHook'), 'before_run', model)
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))


def test_a_compiled_network_is_the_same_step_without_a_break():
    hook = dict(type='CompileNetworkHook', backend='eager', fullgraph=True)
    assert_same_step(build(), run(hook, 'before_train', build()))


def test_only_training_is_compiled():
    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    hook = dict(type='CompileNetworkHook', backend=backend, fullgraph=True)
    model = run(hook, 'before_train', build())
    image = batch()[0]
    with torch.no_grad():
        model.eval()(image)
    assert not graphs
    model.train().loss(*batch())
    assert len(graphs) == 3  # backbone and two heads


@pytest.mark.parametrize('wrapped', [False, True])
def test_a_test_runs_folded_and_predicts_the_same(wrapped):
    plain, ours = build().eval(), build()
    model = SegTTAModel(module=ours) if wrapped else ours
    run(dict(type='InferenceSpeedHook'), 'before_test', model)
    image = batch()[0]
    with torch.no_grad():
        expected, found = plain(image), ours(image)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert not any(isinstance(m, nn.BatchNorm2d) for m in ours.modules())
