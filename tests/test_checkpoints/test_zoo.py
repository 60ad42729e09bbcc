"""Checkpoints of MMSeg's zoo: they load strictly and give the stock network's logits.

The other side is built from the configs in MMSegmentation's wheel, by its classes.
"""

from pathlib import Path

import mmseg
import pytest
import torch
from golden import deterministic_input, deterministic_state_dict
from mmengine import Config
from mmseg.registry import MODELS

STOCK = Path(mmseg.__file__).parent / '.mim' / 'configs' / '_base_' / 'models'
HEADS = ('decode_head', 'auxiliary_head')


def build(cfg: Config, depth: int = 50) -> torch.nn.Module:
    """Build a model without weights: they come from a checkpoint."""
    cfg.model.pretrained = None
    cfg.model.backbone.depth = depth
    for head in HEADS:
        cfg.model[head].num_classes = 21
    with torch.device('meta'):
        return MODELS.build(cfg.model)


def stock(method: str, depth: int = 50) -> torch.nn.Module:
    return build(Config.fromfile(STOCK / f'{method}_r50-d8.py'), depth)


def shapes(model: torch.nn.Module) -> dict[str, tuple[int, ...]]:
    return {key: tuple(value.shape) for key, value in model.state_dict().items()}


@pytest.mark.parametrize(
    'method', [pytest.param('deeplabv3', marks=pytest.mark.slow), 'deeplabv3plus']
)
def test_same_logits_as_the_stock_network(load_config, method):
    theirs = stock(method)
    ours = build(load_config(f'_base_/models/{method}_r50_zoo.py'))
    state = deterministic_state_dict(shapes(theirs))
    x = deterministic_input(64, 97)
    for model in (theirs, ours):
        model.load_state_dict(state, strict=True, assign=True)
        model.eval()
    with torch.no_grad():
        for head in HEADS:
            expected = getattr(theirs, head)(theirs.extract_feat(x))
            actual = getattr(ours, head)(ours.extract_feat(x))
            assert torch.equal(actual, expected) and expected.std() > 1e-3


@pytest.mark.parametrize('method', ['deeplabv3', 'deeplabv3plus'])
def test_same_tensors_as_the_stock_resnet_101(load_config, method):
    ours = load_config(f'_base_/models/{method}_r101_zoo.py')
    assert ours.model.backbone.depth == 101
    assert shapes(build(ours, 101)) == shapes(stock(method, depth=101))
