"""Networks made ready for inference predict what they did before."""

import copy
from functools import partial
from pathlib import Path

import pytest
import torch
from mmcv.cnn import ConvModule
from mmengine.config import Config
from mmseg.registry import MODELS
from small_segmentor import like_trained
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.models.fast_prediction import prepare_for_inference

pytestmark = pytest.mark.usefixtures('device')

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'models'


def network(name: str) -> nn.Module:
    """A network with statistics of BatchNorm that are not 0 and 1."""
    cfg = Config.fromfile(BASES / f'{name}.py').model
    cfg.backbone.init_cfg = None
    cfg.decode_head.num_classes = 5
    if name == 'deeplabv2_r101':
        cfg.backbone.depth = 26
    torch.manual_seed(0)
    model = nn.SyncBatchNorm.convert_sync_batchnorm(MODELS.build(cfg))
    return like_trained(model)


def logits(model: nn.Module) -> torch.Tensor:
    image = torch.randn(1, 3, 65, 97, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return model(image, mode='tensor')


@pytest.mark.parametrize(
    'name',
    [
        'deeplabv2_r101',
        'deeplabv3_mobilenetv2',
        'deeplabv3_mobilenetv3',
        'deeplabv3plus_r50',
        'deeplabv3plus_x65',
    ],
)
def test_logits_stay(name):
    model = network(name)
    expected = logits(model)
    found = logits(prepare_for_inference(model))
    error = (found - expected).abs().max() / expected.abs().max()
    assert error < 1e-4
    assert not any(isinstance(module, _BatchNorm) for module in model.modules())


def test_bfloat16_is_close_and_gives_float32():
    model = network('deeplabv3_mobilenetv2')
    expected = logits(model)
    found = logits(prepare_for_inference(model, bfloat16=True))
    error = (found - expected).abs().max() / expected.abs().max()
    assert found.dtype == torch.float32
    assert 1e-6 < error < 0.05  # 8 bits of mantissa, many layers


def test_each_step_can_be_left_out():
    model = network('deeplabv3_mobilenetv2')
    norms = sum(isinstance(module, _BatchNorm) for module in model.modules())
    ours = prepare_for_inference(
        copy.deepcopy(model), fold_bn=False, channels_last=False
    )
    assert norms == sum(isinstance(module, _BatchNorm) for module in ours.modules())
    assert all(weight.is_contiguous() for weight in ours.parameters())
    assert torch.equal(logits(ours), logits(model))


@pytest.mark.slow
def test_compiled_logits_stay(monkeypatch):
    eager = partial(torch.compile, backend='eager')  # inductor takes minutes
    monkeypatch.setattr(torch, 'compile', eager)
    model = network('deeplabv3_mobilenetv2')
    expected = logits(model)
    found = logits(prepare_for_inference(model, compile=True))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_folded_is_refused():
    norm = dict(type='BN')
    layer = ConvModule(3, 3, 1, norm_cfg=norm, order=('norm', 'conv', 'act'))
    with pytest.raises(ValueError, match="order=\\('norm', 'conv', 'act'\\)"):
        prepare_for_inference(layer)
    shared = nn.Conv2d(3, 3, 1)
    twice = nn.Sequential(shared, nn.BatchNorm2d(3), shared, nn.BatchNorm2d(3))
    with pytest.raises(ValueError, match='0 and 2 are one module'):
        prepare_for_inference(twice)
