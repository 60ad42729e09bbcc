"""What holds for every backbone: sizes, gradients, freezing, weights, arguments."""

import pytest
import torch
from golden import reference_state
from mmseg.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.checkpoints.families.jfzhang95 import XCEPTION_MODULES

NARROW = {
    'ResNetMulti': dict(depth=26, base_channels=4, frozen_bn='none'),
    'ResNetV1Beta': dict(depth=26, base_channels=4, frozen_bn='none'),
    'AlignedXception': dict(depth=41, widen_factor=1 / 16),
    'JFZhang95Xception': dict(depth=65, widen_factor=1 / 16),
    'DeepLabMobileNetV2': dict(widen_factor=0.25),
    'VainFMobileNetV2': dict(widen_factor=0.25),
    'DeepLabMobileNetV3': dict(arch='small'),
    'VGG16LargeFOV': dict(base_channels=4),
}
OTHERS = {
    'AutoDeepLabNet': dict(filters=2),
    'AutoDeepLabSearchNet': dict(num_layers=2, num_blocks=2, filters=2),
    'TimmBackbone': dict(model_name='lcnet_035'),
}


def build(kind, **options) -> nn.Module:
    torch.manual_seed(0)
    return MODELS.build(dict(type=kind) | (NARROW | OTHERS)[kind] | options)


def statistics(model: nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items() if 'running' in k}


# Strides of all maps at output stride 32.
STRIDES = {
    'ResNetV1Beta': (4, 8, 16, 32),
    'AlignedXception': (4, 8, 16, 32),
    'DeepLabMobileNetV2': (2, 4, 8, 16, 16, 32, 32),
    'DeepLabMobileNetV3': (4, 8, 16, 32),
}


@pytest.mark.parametrize('output_stride', [8, 16, 32])
@pytest.mark.parametrize('size', [(65, 97), (64, 90)])
@pytest.mark.parametrize('kind', STRIDES)
def test_feature_sizes_round_up(kind, output_stride, size):
    options = dict(out_indices=range(7)) if kind == 'DeepLabMobileNetV2' else {}
    model = build(kind, output_stride=output_stride, **options).eval()
    with torch.no_grad():
        outputs = model(torch.zeros(1, 3, *size))
    strides = [min(stride, output_stride) for stride in STRIDES[kind]]
    assert [tuple(x.shape[2:]) for x in outputs] == [
        tuple(-(-n // stride) for n in size) for stride in strides
    ]


@pytest.mark.parametrize('output_stride', [8, 16])
@pytest.mark.parametrize(
    'kind, options',
    [
        *(('AlignedXception', dict(depth=depth)) for depth in (41, 71)),
        ('ResNetV1Beta', {}),
        ('DeepLabMobileNetV2', {}),
    ],
)
@torch.no_grad()
def test_dilated_network_equals_the_strided_one_where_both_have_a_value(
    kind, options, output_stride
):
    """Atrous convolution computes the strided features densely."""
    strided = build(kind, **options, output_stride=32).eval()
    dense = build(kind, **options, output_stride=output_stride).eval()
    dense.load_state_dict(strided.state_dict())
    x, step = torch.randn(1, 3, 65, 97), 32 // output_stride
    expected, found = strided(x)[-1], dense(x)[-1][..., ::step, ::step]
    for module in dense.modules():
        if isinstance(module, nn.Conv2d) and module.dilation != (1, 1):
            module.dilation = module.padding = (1, 1)
    wrong, scale = dense(x)[-1][..., ::step, ::step], expected.abs().max()
    assert (found - expected).abs().max() <= 1e-4 * scale
    assert (wrong - expected).abs().max() > 1e-2 * scale


@pytest.mark.parametrize('channels', [1, 13])
@pytest.mark.parametrize('kind', [*NARROW, *OTHERS])
def test_every_backbone_takes_any_number_of_channels(kind, channels):
    network = build(kind, in_channels=channels).eval()
    convolutions = (m for m in network.modules() if isinstance(m, nn.Conv2d))
    assert next(convolutions).in_channels == channels
    with torch.no_grad():
        maps = network(torch.zeros(1, channels, 65, 65))
    assert all(len(one) == 1 for one in maps)


@pytest.mark.parametrize('kind', NARROW)
def test_every_parameter_gets_a_gradient(kind):
    model = build(kind)
    model.init_weights()
    outputs = model(torch.randn(2, 3, 65, 65))
    assert isinstance(outputs, tuple)
    sum(x.square().mean() for x in outputs).backward()
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize(
    'kind, options',
    [
        *((k, {}) for k in ('AlignedXception', 'ResNetV1Beta', 'VainFMobileNetV2')),
        *(('ResNetMulti', dict(frozen_bn=bn)) for bn in ('none', 'affine', 'all')),
    ],
)
def test_checkpointed_step_equals_the_plain_one(kind, options):
    plain, cheap = build(kind, **options), build(kind, **options, with_cp=True)
    cheap.load_state_dict(plain.state_dict())
    x = torch.randn(2, 3, 65, 65)
    for model in (plain, cheap):
        sum(out.square().mean() for out in model(x)).backward()
    for key, value in plain.state_dict().items():  # statistics move once
        assert torch.equal(value, cheap.state_dict()[key]), key
    for (key, a), b in zip(plain.named_parameters(), cheap.parameters(), strict=True):
        if a.requires_grad:
            torch.testing.assert_close(a.grad, b.grad, msg=key)


FROZEN = [
    ('AlignedXception', -1, ()),
    ('AlignedXception', 1, ('conv1', 'conv2', 'entry')),
    ('AlignedXception', 3, ('conv1', 'conv2', 'entry', 'middle', 'exit')),
    ('DeepLabMobileNetV2', -1, ()),
    ('DeepLabMobileNetV2', 0, ('conv1',)),
    ('DeepLabMobileNetV2', 2, ('conv1', 'layer1', 'layer2')),
    ('DeepLabMobileNetV3', 1, ('layer0', 'layer1')),
    ('VGG16LargeFOV', 0, ()),
    ('VGG16LargeFOV', 2, ('conv1', 'conv2')),
]


def is_in(key: str, stages: tuple[str, ...]) -> bool:
    layer = key.split('.')[0]
    return layer in stages or layer.split('_')[0] in stages  # conv1_2 of VGG16


@pytest.mark.parametrize('kind, frozen_stages, kept', FROZEN)
def test_frozen_stages_survive_train(kind, frozen_stages, kept):
    model = build(kind, frozen_stages=frozen_stages).eval().train()
    before = statistics(model)
    model(torch.randn(2, 3, 65, 65) + 1)
    for key, value in statistics(model).items():
        assert torch.equal(value, before[key]) == is_in(key, kept), key
    for key, parameter in model.named_parameters():
        assert parameter.requires_grad != is_in(key, kept), key


@pytest.mark.parametrize('kind', ['AlignedXception', 'DeepLabMobileNetV2'])
def test_frozen_batchnorm_survives_train(kind):
    norm_cfg = dict(type='BN', requires_grad=False)
    model = build(kind, norm_eval=True, norm_cfg=norm_cfg).eval().train()
    before = statistics(model)
    model(torch.randn(2, 3, 65, 65) + 1)
    assert all(torch.equal(v, before[k]) for k, v in statistics(model).items())
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    assert not any(p.requires_grad for norm in norms for p in norm.parameters())
    assert next(model.parameters()).requires_grad


def jfzhang95(state):
    names = {}
    for key in reference_state('jfzhang95_xception_os16'):
        module, _, tensor = key.rpartition('.')
        names[f'{XCEPTION_MODULES[module]}.{tensor}'] = f'module.backbone.{key}'
    return {names[key]: value for key, value in state.items()}


def prefixed(state):
    return {f'backbone.{key}': value for key, value in state.items()}


# How a family names the weights, and which tensors of no backbone its files hold.
FILES = [
    *((kind, dict, ()) for kind in NARROW),
    *(
        (kind, prefixed, ['head.fc.weight'])
        for kind in NARROW
        if kind != 'JFZhang95Xception'  # its own file below has a prefix, too
    ),
    ('DeepLabMobileNetV2', prefixed, ['backbone.conv2.conv.weight']),  # mmpretrain
    ('JFZhang95Xception', jfzhang95, ['module.decoder.conv1.weight']),
    ('VGG16LargeFOV', dict, ['fc6.weight', 'fc6.bias', 'fc8.bias']),  # Caffe
]


@pytest.mark.parametrize('kind, rename, others', FILES)
def test_checkpoint_is_loaded_by_init_cfg(tmp_path, kind, rename, others):
    source = build(kind)
    source.load_state_dict({k: v + 1 for k, v in source.state_dict().items()})
    state = rename(source.state_dict()) | {key: torch.zeros(3, 5) for key in others}
    torch.save(dict(state_dict=state), tmp_path / 'net.pth')
    checkpoint = str(tmp_path / 'net.pth')
    model = build(kind, init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
    model.init_weights()
    for key, value in source.state_dict().items():
        if 'num_batches_tracked' not in key:
            assert torch.equal(model.state_dict()[key], value), key


@pytest.mark.parametrize(
    'kind, options',
    [
        *((kind, dict(output_stride=4)) for kind in NARROW),
        ('ResNetMulti', dict(depth=34)),
        ('ResNetMulti', dict(frozen_bn=True)),
        ('ResNetMulti', dict(multi_grid=(1, 2, 4))),
        ('ResNetMulti', dict(out_indices=())),
        ('AlignedXception', dict(depth=50)),
        ('AlignedXception', dict(frozen_stages=4)),
        ('DeepLabMobileNetV3', dict(arch='medium')),
        ('VGG16LargeFOV', dict(out_indices=(5,))),
        ('VGG16LargeFOV', dict(frozen_stages=6)),
    ],
)
def test_bad_arguments_are_named(kind, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        build(kind, **options)
