"""``init_cfg=dict(type='Pretrained', ...)`` from every family's files."""

import pytest
import torch
from golden import reference_state
from mmseg.registry import MODELS
from small_segmentor import lineage_state
from torchvision.models import resnet50

from mmseg_deeplab.checkpoints import convert, model_config
from mmseg_deeplab.checkpoints.families.torchvision import STRIDE_NOTE


def backbone(checkpoint=None, **options):
    options = dict(depth=26, base_channels=4) | options
    if checkpoint is not None:
        options['init_cfg'] = dict(type='Pretrained', checkpoint=str(checkpoint))
    return MODELS.build(dict(type='ResNetMulti', **options))


@pytest.mark.parametrize('prefix', ['', 'Scale.', 'module.Scale.', 'backbone.'])
@pytest.mark.parametrize('whole', [True, False])
def test_lineage_file_loads_straight_from_a_config(tmp_path, prefix, whole):
    state = lineage_state('layer5')
    own = {k: v for k, v in state.items() if not k.startswith('layer5.')}
    if not whole or prefix == 'backbone.':
        state = own
    state = {prefix + k: v for k, v in state.items()}
    if not whole:
        state = {k: v for k, v in state.items() if 'num_batches_tracked' not in k}
    torch.save(state, tmp_path / 'net.pth')
    model = backbone(tmp_path / 'net.pth')
    model.init_weights()
    for key, value in own.items():
        assert torch.equal(model.state_dict()[key], value), key


def test_stride_is_the_only_difference_to_torchvision(tmp_path, monkeypatch):
    """With the stride moved into the 3x3 and a floor pool, the features agree."""
    notes = []
    monkeypatch.setattr(
        'mmseg_deeplab.checkpoints.pretrained.print_log',
        lambda message, *_, **__: notes.append(message),
    )
    source = resnet50(weights=None).eval()
    torch.save(source.state_dict(), tmp_path / 'resnet50.pth')
    model = backbone(
        tmp_path / 'resnet50.pth', depth=50, base_channels=64, output_stride=32
    )
    model.init_weights()
    assert STRIDE_NOTE in notes
    model.eval().maxpool.ceil_mode = False
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (1, 1), (2, 2)
    x = torch.randn(1, 3, 64, 64)
    expected = source.maxpool(source.relu(source.bn1(source.conv1(x))))
    for layer in (source.layer1, source.layer2, source.layer3, source.layer4):
        expected = layer(expected)
    torch.testing.assert_close(model(x)[-1], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize('options', [dict(depth=50), dict(base_channels=8)])
def test_a_file_of_another_net_is_an_error_that_says_what_differs(tmp_path, options):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth'):
        backbone(tmp_path / 'nowhere.pth').init_weights()
    torch.save(backbone().state_dict(), tmp_path / 'r26.pth')
    with pytest.raises(ValueError, match=r'r26\.pth does not fit .*layer'):
        backbone(tmp_path / 'r26.pth', **options).init_weights()


@pytest.mark.parametrize(
    'name',
    ['torchvision_deeplabv3_mobilenet_v3_large', 'vainf_deeplabv3plus_mobilenet_os16'],
)
def test_whole_mobile_networks_fill_their_backbones(tmp_path, name):
    state, source = reference_state(name), name.split('_')[0]
    torch.save(state, tmp_path / 'net.pth')
    config = model_config(state, source, output_stride=16)['backbone']
    config['init_cfg'] = dict(type='Pretrained', checkpoint=str(tmp_path / 'net.pth'))
    model = MODELS.build(config)
    model.init_weights()
    converted = convert(state, source)
    for key, value in model.state_dict().items():
        assert torch.equal(value, converted[f'backbone.{key}']), key
