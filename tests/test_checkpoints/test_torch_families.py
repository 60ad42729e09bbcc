"""Key maps of torchvision, VainF, jfzhang95 and kazuto1011's v3: what they take."""

import pytest
import torch
from golden import (
    METADATA,
    converted_model,
    deterministic_input,
    deterministic_state_dict,
    empty_state,
)
from mmseg.registry import MODELS
from torchvision.models import get_model, get_model_weights, resnet50
from torchvision.models.segmentation import (
    deeplabv3_mobilenet_v3_large,
    deeplabv3_resnet101,
)

from mmseg_deeplab.checkpoints import convert, model_config

REFERENCES = {
    'kazuto1011': 'kazuto_deeplabv3plus_resnet101_os16',
    'torchvision': 'torchvision_deeplabv3_mobilenet_v3_large',
    'vainf': 'vainf_deeplabv3plus_mobilenet_os16',
    'jfzhang95': 'jfzhang95_deeplab_xception_os16',
}
NO_WEIGHTS = dict(weights=None, weights_backbone=None)


def reference(source: str) -> dict[str, torch.Tensor]:
    """Return a reference's tensors without values."""
    return empty_state(METADATA[REFERENCES[source]]['keys'])


@pytest.mark.parametrize('source', REFERENCES)
def test_names_of_wrappers_are_dropped_and_left_over_keys_listed(source):
    state = reference(source)
    converted = convert({f'module.{key}': v for key, v in state.items()}, source)
    assert converted.keys() == convert(state, source).keys()
    assert len(converted) == len(state)
    configs = [model_config(s, source, output_stride=16) for s in (state, converted)]
    assert configs[0] == configs[1]
    with pytest.raises(ValueError, match=r'1 of \d+ keys.*decoder\.nobody\.weight'):
        convert(state | {'decoder.nobody.weight': torch.zeros(1)}, source)


@pytest.mark.parametrize('source', REFERENCES)
@pytest.mark.parametrize('output_stride', [8, 16, 32])
def test_weights_load_strictly_at_every_output_stride(source, output_stride):
    head = converted_model(reference(source), source, output_stride).decode_head
    wanted = {8: (1, 12, 24, 36), 16: (1, 6, 12, 18), 32: (1, 3, 6, 9)}[output_stride]
    if source == 'torchvision':  # its MobileNetV3 has twice the rates
        wanted = (1, *(2 * rate for rate in wanted[1:]))
    assert head.dilations == wanted


def test_resnet_101_of_torchvision_with_its_auxiliary_head():
    with torch.device('meta'):
        source = deeplabv3_resnet101(num_classes=7, aux_loss=True, **NO_WEIGHTS)
    model = converted_model(source.state_dict(), 'torchvision', 8)
    assert model.backbone.depth == 101
    assert (model.decode_head.num_classes, model.auxiliary_head.num_classes) == (7, 7)
    assert model.auxiliary_head.loss_decode.loss_weight == 0.5


def test_without_auxiliary_classifier_there_is_no_auxiliary_head():
    source = deeplabv3_mobilenet_v3_large(num_classes=3, aux_loss=False, **NO_WEIGHTS)
    model = converted_model(source.eval().state_dict(), 'torchvision', 16)
    assert not model.with_auxiliary_head
    x = torch.randn(1, 3, 50, 70)
    with torch.no_grad():
        expected = source.classifier(source.backbone(x)['out'])
        torch.testing.assert_close(
            model(x, mode='tensor'), expected, rtol=1e-4, atol=1e-5
        )


@pytest.mark.parametrize('depth', [50, 101])
@pytest.mark.parametrize('backbone', ['ResNet', 'ResNetMulti'])
def test_both_generations_of_imagenet_weights_fill_a_backbone(depth, backbone):
    with torch.device('meta'):  # both are made from the same builder
        builder = get_model(f'resnet{depth}', num_classes=1000)
        model = MODELS.build(dict(type=backbone, depth=depth))
    names = {weights.name for weights in get_model_weights(f'resnet{depth}')}
    assert names == {'IMAGENET1K_V1', 'IMAGENET1K_V2'}
    state = convert(builder.state_dict(), 'torchvision')
    state = {key.removeprefix('backbone.'): value for key, value in state.items()}
    model.load_state_dict(state, strict=True, assign=True)


@pytest.mark.parametrize('name', ['resnet50', 'mobilenet_v3_large'])
def test_an_image_classifier_is_no_segmentor(name):
    with torch.device('meta'):
        state = get_model(name).state_dict()
    with pytest.raises(ValueError, match=r'image classifier.*init_cfg'):
        model_config(state, 'torchvision', output_stride=8)


def jfzhang95_resnet(output_stride: int):
    """Return a ResNet-50 dilated as that code base does, and a whole state dict."""
    dilated = [False, output_stride == 8, True]
    net = resnet50(weights=None, replace_stride_with_dilation=dilated)
    net.load_state_dict(
        deterministic_state_dict({k: v.shape for k, v in net.state_dict().items()})
    )
    base = 32 // output_stride
    rates = {'layer3': [max(base // 2, 1)] * 6, 'layer4': [base, 2 * base, 4 * base]}
    for name, dilations in rates.items():
        for block, rate in zip(getattr(net, name), dilations, strict=True):
            block.conv2.padding = block.conv2.dilation = (rate, rate)
    keys = METADATA[REFERENCES['jfzhang95']]['keys']
    head = {k: v for k, v in keys.items() if not k.startswith('backbone.')}
    head['decoder.conv1.weight'] = [48, 256, 1, 1]
    body = {k: v for k, v in net.state_dict().items() if not k.startswith('fc.')}
    state = deterministic_state_dict(head)
    return net.eval(), state | {f'backbone.{k}': v for k, v in body.items()}


@pytest.mark.parametrize('output_stride', [pytest.param(8, marks=pytest.mark.slow), 16])
def test_resnet_of_jfzhang95_dilates_with_multi_grid(output_stride):
    net, state = jfzhang95_resnet(output_stride)
    model = converted_model(state, 'jfzhang95', output_stride)
    x = deterministic_input(65, 97)
    with torch.no_grad():
        low = net.layer1(net.maxpool(net.relu(net.bn1(net.conv1(x)))))
        high = net.layer4(net.layer3(net.layer2(low)))
        features = model.extract_feat(x)
    assert (features[0] - low).abs().max() < 1e-5 * low.abs().max()
    assert (features[3] - high).abs().max() < 1e-5 * high.abs().max()


@pytest.mark.parametrize(
    'key, name', [('low_level_features.0.0', 'MobileNetV2'), ('layer0.0', 'DRN')]
)
def test_backbones_of_jfzhang95_without_counterpart_are_refused(key, name):
    state = reference('jfzhang95') | {f'backbone.{key}.weight': torch.zeros(1)}
    with pytest.raises(ValueError, match=f'DeepLab on its {name}.*ResNet-101'):
        convert(state, 'jfzhang95')


def test_resnet_18_is_refused():
    state = {k: v for k, v in reference('vainf').items() if 'backbone' not in k}
    net = get_model('resnet18')
    state |= {f'backbone.{k}': v for k, v in net.state_dict().items() if 'fc' not in k}
    with pytest.raises(ValueError, match='ResNet-18'):
        model_config(state, 'vainf', output_stride=8)
