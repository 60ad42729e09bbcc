"""``deeplabv3`` and the torch.hub entry points, plain PyTorch modules."""

import pytest
import torch
from mmseg.registry import MODELS
from torch import nn

from mmseg_deeplab import deeplabv3


@pytest.fixture(scope='module')
def resnet50_file(tmp_path_factory):
    """Write the weights of torchvision's own network."""
    from torchvision.models import resnet50

    torch.manual_seed(0)
    state = resnet50(weights=None).state_dict()
    path = tmp_path_factory.mktemp('weights') / 'resnet50.pth'
    torch.save(state, path)
    return path


@pytest.mark.parametrize('use_plus', [True, False])
def test_equals_mmsegmentations_network_upsampled(use_plus):
    model = deeplabv3(5, 'resnet50', False, use_plus=use_plus, sync_bn=False).eval()
    head = dict(
        type='ASPPHead', in_channels=2048, in_index=3, channels=512, num_classes=5,
        dilations=(1, 12, 24, 36), norm_cfg=dict(type='BN'),
    )  # fmt: skip
    if use_plus:
        plus = dict(c1_in_channels=256, c1_channels=48)
        head |= dict(plus, type='DepthwiseSeparableASPPHead')
    backbone = dict(
        type='ResNet', depth=50, strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4),
        contract_dilation=True, norm_cfg=dict(type='BN'),
    )  # fmt: skip
    stock = dict(type='EncoderDecoder', backbone=backbone, decode_head=head)
    with torch.device('meta'):  # no time for weights that are replaced
        stock = MODELS.build(stock).eval()
    state = model.state_dict()
    names = {key: key.replace('classifier.', 'decode_head.', 1) for key in state}
    state = {names[key]: value for key, value in state.items()}
    stock.load_state_dict(state, assign=True)
    image = torch.randn(1, 3, 49, 65)
    with torch.no_grad():
        logits = stock(image, mode='tensor')
        logits = nn.functional.interpolate(logits, size=(49, 65), mode='bilinear')
        torch.testing.assert_close(model(image), logits)


def test_backbone_equals_torchvision_s_dilated_one(resnet50_file):
    from torchvision.models import resnet50

    with torch.device('meta'):
        theirs = resnet50(replace_stride_with_dilation=[False, True, True]).eval()
    theirs.load_state_dict(torch.load(resnet50_file), assign=True)
    model = deeplabv3(3, 'resnet50', backbone_url=resnet50_file).eval()
    x = image = torch.randn(1, 3, 65, 49)
    with torch.no_grad():
        features = model.backbone(image)
        for name in ('conv1', 'bn1', 'relu', 'maxpool', *(f'layer{i}' for i in '1234')):
            x = getattr(theirs, name)(x)
    torch.testing.assert_close(features[-1], x)


def test_initializers_spare_a_pretrained_backbone(resnet50_file):
    def constant(module):
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 0.5)

    names = ['kaiming_normal', 'bn_ones', constant]
    model = deeplabv3(3, 'resnet50', backbone_url=resnet50_file, initializers=names)
    model, stored = model.state_dict(), torch.load(resnet50_file)
    assert torch.equal(model['backbone.conv1.weight'], stored['conv1.weight'])
    assert model['classifier.conv_seg.weight'].eq(0.5).all()


def test_plain_batch_norm_without_a_process_group():
    with torch.device('meta'):
        model = deeplabv3(2, 'resnet50', is_backbone_pretrained=False, sync_bn=True)
    assert not any(isinstance(m, nn.SyncBatchNorm) for m in model.modules())


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(num_classes=0), 'num_classes'),
        (dict(backbone_arch='vgg16'), 'backbone_arch .*resnet101.*vgg16'),
        (dict(initializers=['ones']), 'initializers'),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        deeplabv3(**dict(num_classes=2, is_backbone_pretrained=False) | options)


@pytest.mark.parametrize(
    'entry, part, kind',
    [
        ('deeplabv3_resnet50', 'classifier', 'ASPPHead'),
        ('deeplabv3plus_resnet50', 'classifier', 'DepthwiseSeparableASPPHead'),
        ('deeplabv2_resnet101', 'layer6', 'ClassifierModule'),
    ],
)
def test_torch_hub_builds_the_networks(root, entry, part, kind):
    options = dict(source='local', num_classes=4, pretrained=False)
    model = torch.hub.load(str(root), entry, **options)
    head = getattr(model, part)
    assert (type(head).__name__, head.num_classes) == (kind, 4)
