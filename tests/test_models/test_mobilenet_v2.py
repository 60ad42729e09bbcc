"""DeepLabMobileNetV2: TF's dilation rule, VainF's padding, widths, freezing."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm


def build(**options) -> nn.Module:
    options = dict(type='DeepLabMobileNetV2', widen_factor=0.25) | options
    return MODELS.build(options)


def randomise(model: nn.Module) -> nn.Module:
    """Give every layer weights that a mistake cannot hide behind."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode='fan_in')
        elif isinstance(module, _BatchNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.normal_(module.running_mean, std=0.1)
    model.eval()  # the host's returns nothing
    return model


def rates(model: nn.Module) -> dict[int, list[int]]:
    return {
        i: [
            next(m.dilation[0] for m in block.modules() if is_depthwise(m))
            for block in getattr(model, f'layer{i}')
        ]
        for i in range(1, 8)
    }


def is_depthwise(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and module.groups > 1


@pytest.mark.parametrize('style', ['tensorflow', 'vainf'])
@pytest.mark.parametrize(
    'output_stride, dilated',
    [
        (8, {4: [1, 2, 2, 2], 5: [2, 2, 2], 6: [2, 4, 4], 7: [4]}),
        (16, {6: [1, 2, 2], 7: [2]}),
        (32, {}),
    ],
)
def test_every_block_has_the_rate_reached_before_it(output_stride, dilated, style):
    blocks = dict(zip(range(1, 8), (1, 2, 3, 4, 3, 3, 1), strict=True))
    expected = {i: [1] * n for i, n in blocks.items()} | dilated
    assert rates(build(output_stride=output_stride, style=style)) == expected


@pytest.mark.parametrize('output_stride', [8, 16])
def test_dilated_network_equals_the_strided_one_where_both_have_a_value(output_stride):
    """Atrous convolution computes the strided features densely.

    MMSeg's rule, one dilated block per stage, does not.
    """
    strided = randomise(build(output_stride=32, divisor=8))
    dense = build(output_stride=output_stride, divisor=8).eval()
    strides, dilations = {
        8: ((1, 2, 2, 1, 1, 1, 1), (1, 1, 1, 2, 2, 4, 4)),
        16: ((1, 2, 2, 2, 1, 1, 1), (1, 1, 1, 1, 1, 2, 2)),
    }[output_stride]
    host = build(type='MobileNetV2', strides=strides, dilations=dilations)
    host.eval()
    x, step = torch.randn(1, 3, 65, 97), 32 // output_stride
    errors = []
    for model in (dense, host):
        model.load_state_dict(strided.state_dict())
        with torch.no_grad():
            expected, found = strided(x)[-1], model(x)[-1]
        error = (found[..., ::step, ::step] - expected).abs().max()
        errors.append(error / expected.abs().max())
    assert errors[0] < 1e-5
    assert errors[1] > 1e-2


def test_shifted_strided_network_fills_the_dense_map():
    """Away from the borders the strided network on a shifted image gives the rest."""
    strided = randomise(build(output_stride=32, out_indices=(5,)))
    dense = build(output_stride=16, out_indices=(5,)).eval()
    dense.load_state_dict(strided.state_dict())
    x = torch.randn(1, 3, 1281, 33)
    with torch.no_grad():
        found = dense(x)[0][:, :, 1::2, ::2]  # rows at 16, 48, 80, ...
        expected = strided(x[:, :, 16:])[0]
    inner = slice(12, 28)  # rows that see no border
    assert found.shape == expected.shape
    error = (found - expected)[:, :, inner].abs().max()
    assert error <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize('output_stride', [8, 16, 32])
@pytest.mark.parametrize('size', [(65, 97), (64, 90)])
def test_feature_sizes_round_up(output_stride, size):
    outputs = build(output_stride=output_stride, out_indices=range(7))(
        torch.zeros(1, 3, *size)
    )
    strides = [min(s, output_stride) for s in (2, 4, 8, 16, 16, 32, 32)]
    assert [tuple(x.shape[2:]) for x in outputs] == [
        tuple(-(-n // s) for n in size) for s in strides
    ]


def test_one_map_comes_in_a_tuple():
    outputs = build(out_indices=(6,))(torch.zeros(1, 3, 33, 33))
    assert isinstance(outputs, tuple) and len(outputs) == 1


def test_number_of_parameters_is_the_published_one():
    """3.5 M of the paper's table 4, less the classifier, are 2.22 M."""
    last_convolution = 320 * 1280 + 2 * 1280
    classifier = 1280 * 1000 + 1000
    with torch.device('meta'):
        total = sum(p.numel() for p in build(widen_factor=1).parameters())
    assert (total + last_convolution) / 1e6 == pytest.approx(2.22, abs=0.005)
    assert (total + last_convolution + classifier) / 1e6 == pytest.approx(3.5, abs=0.01)


@pytest.mark.parametrize(
    'options, widths',
    [
        (dict(widen_factor=1), [32, 16, 24, 32, 64, 96, 160, 320]),
        (dict(widen_factor=0.5), [16, 8, 12, 16, 32, 48, 80, 160]),
        (dict(widen_factor=0.5, divisor=8), [16, 8, 16, 16, 32, 48, 80, 160]),
        (dict(widen_factor=0.75), [24, 12, 18, 24, 48, 72, 120, 240]),
    ],
)
def test_widths(options, widths):
    with torch.device('meta'):
        model = build(**options)
    last = [getattr(model, f'layer{i}')[-1].conv[-1].conv for i in range(1, 8)]
    assert [model.conv1.conv.out_channels] + [c.out_channels for c in last] == widths


def test_width_inside_a_block_is_a_multiple_of_8():
    """``expand_input_by_factor`` of TF rounds 6 x 18 = 108 to 112."""
    model = build(widen_factor=0.75)
    assert model.layer2[1].conv[0].conv.out_channels == 112
    assert model.layer1[0].conv[0].conv.out_channels == 24


@pytest.mark.parametrize('widen_factor', [1.0, 0.5])
def test_undilated_network_is_the_hosts(widen_factor):
    host = randomise(build(type='MobileNetV2', widen_factor=widen_factor))
    model = build(widen_factor=widen_factor, output_stride=32, divisor=8).eval()
    model.load_state_dict(host.state_dict())
    x = torch.randn(1, 3, 65, 97)
    with torch.no_grad():
        for a, b in zip(model(x), host(x), strict=True):
            assert torch.equal(a, b)


def vainf_block(block: nn.Module, x: torch.Tensor, rate: int) -> torch.Tensor:
    """VainF's inverted residual in plain functions."""

    def norm(x: torch.Tensor, module: nn.Module) -> torch.Tensor:
        bn = module.bn
        return F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias)

    *expand, depthwise, project = block.conv
    y = F.pad(x, (rate,) * 4)
    for module in expand:
        y = F.relu6(norm(F.conv2d(y, module.conv.weight), module))
    weight = depthwise.conv.weight
    y = F.conv2d(y, weight, stride=block.stride, dilation=rate, groups=weight.shape[0])
    y = F.relu6(norm(y, depthwise))
    y = norm(F.conv2d(y, project.conv.weight), project)
    return x + y if x.shape == y.shape else y


@pytest.mark.parametrize('stage, index', [(1, 0), (3, 0), (3, 1), (6, 0), (6, 2)])
def test_vainf_pads_before_the_first_1x1_convolution(stage, index):
    block = getattr(randomise(build(style='vainf')), f'layer{stage}')[index]
    rate = 2 if (stage, index) == (6, 2) else 1
    channels = block.conv[0].conv.in_channels
    x = torch.randn(1, channels, 9, 12)
    with torch.no_grad():
        torch.testing.assert_close(block(x), vainf_block(block, x, rate))


def test_stem_of_vainf_has_no_padding():
    outputs = build(style='vainf')(torch.zeros(1, 3, 65, 97))
    assert tuple(outputs[0].shape[2:]) == (16, 24)  # 65 -> 32 -> 16, 97 -> 48 -> 24


@pytest.mark.parametrize('style', ['tensorflow', 'vainf'])
def test_every_parameter_gets_a_gradient(style):
    model = build(style=style)
    model.init_weights()
    outputs = model(torch.randn(2, 3, 65, 65))
    sum(x.square().mean() for x in outputs).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize('style', ['tensorflow', 'vainf'])
def test_checkpointed_step_equals_the_plain_one(style):
    plain, cheap = build(style=style), build(style=style, with_cp=True)
    cheap.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 65, 65)
    for model in (plain, cheap):
        sum(out.square().mean() for out in model(x)).backward()
    for key, value in plain.state_dict().items():
        assert torch.equal(value, cheap.state_dict()[key]), key
    for (key, a), b in zip(plain.named_parameters(), cheap.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, msg=key)


def statistics(model: nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items() if 'running' in k}


@pytest.mark.parametrize(
    'frozen_stages, kept',
    [(-1, ()), (0, ('conv1',)), (2, ('conv1', 'layer1', 'layer2'))],
)
def test_frozen_stages_survive_train(frozen_stages, kept):
    model = build(frozen_stages=frozen_stages).eval().train()
    before = statistics(model)
    model(torch.randn(2, 3, 65, 65) + 1)
    for key, value in statistics(model).items():
        assert torch.equal(value, before[key]) == key.startswith(kept), key
    for key, parameter in model.named_parameters():
        assert parameter.requires_grad != key.startswith(kept), key


def test_frozen_batchnorm_survives_train():
    norm_cfg = dict(type='BN', requires_grad=False)
    model = build(norm_eval=True, norm_cfg=norm_cfg).eval().train()
    before = statistics(model)
    model(torch.randn(2, 3, 65, 65) + 1)
    assert all(torch.equal(v, before[k]) for k, v in statistics(model).items())
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    assert not any(p.requires_grad for norm in norms for p in norm.parameters())


@pytest.mark.parametrize('kind', ['plain', 'mmseg', 'mmpretrain'])
def test_checkpoint_is_loaded_by_init_cfg(tmp_path, kind):
    source = build()
    prefix = '' if kind == 'plain' else 'backbone.'
    state = {prefix + key: value for key, value in source.state_dict().items()}
    if kind == 'mmpretrain':
        state['backbone.conv2.conv.weight'] = torch.zeros(1280, 80, 1, 1)
        state['backbone.conv2.bn.running_mean'] = torch.zeros(1280)
        state['head.fc.weight'] = torch.zeros(1000, 1280)
    torch.save(dict(state_dict=state), tmp_path / 'net.pth')
    model = build(
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'net.pth'))
    )
    model.init_weights()
    for key, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize(
    'options',
    [dict(output_stride=4), dict(style='torch'), dict(widen_factor=0), dict(divisor=0)],
)
def test_bad_arguments_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        build(**options)
