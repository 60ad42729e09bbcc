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


def build(cfg: Config) -> torch.nn.Module:
    """Build a model without weights: they come from a checkpoint."""
    cfg.model.pretrained = None
    for head in HEADS:
        cfg.model[head].num_classes = 21
    with torch.device('meta'):
        return MODELS.build(cfg.model)


@pytest.mark.parametrize(
    'method', [pytest.param('deeplabv3', marks=pytest.mark.slow), 'deeplabv3plus']
)
def test_same_logits_as_the_stock_network(load_config, method):
    theirs = build(Config.fromfile(STOCK / f'{method}_r50-d8.py'))
    ours = build(load_config(f'_base_/models/{method}_r50_zoo.py'))
    shapes = {key: value.shape for key, value in theirs.state_dict().items()}
    state = deterministic_state_dict(shapes)
    x = deterministic_input(64, 97)
    for model in (theirs, ours):
        model.load_state_dict(state, strict=True, assign=True)
        model.eval()
    with torch.no_grad():
        for head in HEADS:
            expected = getattr(theirs, head)(theirs.extract_feat(x))
            actual = getattr(ours, head)(ours.extract_feat(x))
            assert torch.equal(actual, expected) and expected.std() > 1e-3
