"""Backbones of timm: strides, channels, weights, normalisation, refusals."""

from pathlib import Path

import pytest
import timm
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from safetensors.torch import save_file
from small_segmentor import like_trained
from torch import nn

from mmseg_deeplab.models.backbones.timm_backbone import NormAct
from mmseg_deeplab.models.fast_prediction import prepare_for_inference
from mmseg_deeplab.utils.errors import InputError

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'models'
LIGHT = 'mobilenetv4_conv_small_050'
IMAGE = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def build(model_name=LIGHT, **options):
    return MODELS.build(dict(type='TimmBackbone', model_name=model_name, **options))


@pytest.mark.parametrize(
    ('name', 'output_stride', 'options'),
    [
        (LIGHT, 8, {}),
        (LIGHT, 16, {}),
        ('lcnet_050', 32, {}),
        ('resnet18', 16, {}),
        ('regnetx_002', 8, {}),
        ('convnextv2_atto', 16, {}),
        ('edgenext_xx_small', 32, {}),  # cannot be dilated
        ('xception41', 16, {}),  # features by hooks
        ('swin_tiny_patch4_window7_224', 32, dict(img_size=64)),  # channels last
        ('vit_tiny_patch16_224', 16, dict(img_size=64)),  # one stride alone
        ('resnet18', 16, dict(in_channels=4, out_indices=(1, 4))),
    ],
)
def test_strides_and_channels_are_those_of_the_maps(name, output_stride, options):
    model = build(name, output_stride=output_stride, **options).eval()
    image = torch.zeros(1, options.get('in_channels', 3), 64, 64)
    with torch.no_grad():
        maps = model(image)
    assert [features.shape[1] for features in maps] == list(model.out_channels)
    assert [64 // features.shape[2] for features in maps] == list(model.out_strides)
    assert model.out_strides[-1] == output_stride
    assert len(maps) == len(options.get('out_indices', range(4)))


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        ('edgenext_xx_small', {}, 'output stride 32, not at 16. Remedy: output_stride'),
        ('ghostnet_050', dict(output_stride=8), 'output stride 32, not at 8'),
        ('vit_tiny_patch16_224', dict(output_stride=32), 'stride 16, not at 32'),
        ('mobilenetv4_conv_smal', {}, 'no such network. Remedy: .*mobilenetv4_conv_sm'),
        ('resnet18', dict(output_stride=4), 'output_stride must be 8, 16 or 32'),
        ('resnet18', dict(drop_pth_rate=0.1), r'no features.*drop_pth_rate'),
    ],
)
def test_what_timm_has_not_is_said(name, options, message):
    with pytest.raises(ValueError, match=message):
        build(name, **options)


@pytest.mark.parametrize('norm', ['BN', 'SyncBN'])
def test_features_are_those_of_timm_with_the_weights_of_a_file(norm, tmp_path):
    source = like_trained(timm.create_model(LIGHT))
    save_file(source.state_dict(), tmp_path / 'weights.safetensors')
    checkpoint = str(tmp_path / 'weights.safetensors')
    init_cfg = dict(type='Pretrained', checkpoint=checkpoint)
    model = build(norm_cfg=dict(type=norm), init_cfg=init_cfg)
    model.init_weights()
    expected = timm.create_model(
        LIGHT,
        features_only=True,
        output_stride=16,
        pretrained=True,
        pretrained_cfg_overlay=dict(file=checkpoint),
    )
    with torch.no_grad():
        maps = zip(model.eval()(IMAGE), expected.eval()(IMAGE)[-4:], strict=True)
    for found, wanted in maps:
        torch.testing.assert_close(found, wanted)


def test_file_of_another_network_is_refused(tmp_path):
    torch.save({'some.weight': torch.ones(2)}, tmp_path / 'other.pth')
    checkpoint = str(tmp_path / 'other.pth')
    model = build(init_cfg=dict(type='Pretrained', checkpoint=checkpoint))
    with pytest.raises(InputError, match=r'other\.pth does not fit mobilenetv4'):
        model.init_weights()


@pytest.mark.parametrize('name', [LIGHT, 'lcnet_050', 'repvgg_a0', 'densenet121'])
def test_folded_and_synchronised_networks_keep_their_activations(name):
    model = like_trained(build(name, output_stride=32), affine=False)
    network = nn.Sequential(nn.SyncBatchNorm.convert_sync_batchnorm(model))
    with torch.no_grad():
        expected = model(IMAGE)
        found = prepare_for_inference(network)(IMAGE)
    for ours, stock in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, stock, rtol=1e-3, atol=1e-4)
    layers = [m for m in network.modules() if isinstance(m, NormAct)]
    assert any(isinstance(norm, nn.Identity) for norm, *_ in layers)


@pytest.mark.parametrize(
    'base', [path.stem for path in BASES.glob('*.py') if 'timm' in path.read_text()]
)
def test_bases_have_the_channels_and_the_normalisation_of_timm(base):
    cfg = Config.fromfile(BASES / f'{base}.py').model
    head, init_cfg = cfg.decode_head, cfg.backbone.pop('init_cfg')
    model = MODELS.build(cfg.backbone)
    assert head.in_channels == model.out_channels[head.in_index]
    assert (head.c1_in_channels, 4) == (model.out_channels[0], model.out_strides[0])
    weights = timm.get_pretrained_cfg(init_cfg.checkpoint.removeprefix('hf://timm/'))
    assert weights.architecture == cfg.backbone.model_name
    for values, key in ((weights.mean, 'mean'), (weights.std, 'std')):
        expected = [255 * value for value in values]
        assert cfg.data_preprocessor[key] == pytest.approx(expected, abs=1e-2)


def test_mobilevit_of_deeplab_starts_from_the_classifier_of_timm(tmp_path):
    state = timm.create_model('mobilevit_xxs').state_dict()
    save_file(state, tmp_path / 'a.safetensors')
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'a.safetensors'))
    options = dict(type='DeepLabMobileViT', model_name='mobilevit_xxs')
    model = MODELS.build(options | dict(output_stride=16, init_cfg=init_cfg))
    model.init_weights()
    conv = model.timm_model.stages_4[1].conv_kxk.conv
    assert conv.weight.equal(state['stages.4.1.conv_kxk.conv.weight'])
    assert conv.dilation == (1, 1) and model.out_channels[-1] == 80
