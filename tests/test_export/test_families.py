"""Networks of the family, narrow, in the formats of PyTorch."""

from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from tiny_segmentor import metadata

from benchmarks.complexity import without_training_parts
from mmseg_deeplab.config.shipped import configs_folder
from mmseg_deeplab.export.check_file import check_file
from mmseg_deeplab.export.export_formats import FORMATS
from mmseg_deeplab.export.graph import PredictionGraph

NARROW = dict(
    backbone=dict(depth=26, base_channels=4), decode_head=dict(in_channels=128)
)
NARROW_VGG = dict(
    backbone=dict(base_channels=4), decode_head=dict(in_channels=32, channels=16)
)
NARROW_UNET = dict(
    backbone=dict(base_channels=4), decode_head=dict(in_channels=4, channels=4)
)
MSC = dict(type='MultiScaleEncoderDecoder', scales=(0.5, 0.75, 1.0))
FAMILIES = {
    'v1_vgg16': ('deeplabv1_vgg16', NARROW_VGG),
    'v2_r26': ('deeplabv2_r101', NARROW),
    'v2_msc_r26': ('deeplabv2_r101', MSC | NARROW),
    'v2_msc_r26_kazuto': ('deeplabv2_r101', MSC | NARROW | dict(resize='scale_factor')),
    'v3_mobilenetv2': ('deeplabv3_mobilenetv2', {}),
    'v3_mobilenetv3': ('deeplabv3_mobilenetv3', {}),
    'unet': ('unet', NARROW_UNET),
}
CASES = [(name, 'torchscript') for name in FAMILIES]
CASES += [(name, 'torch_export') for name in ('v2_msc_r26', 'unet')]


def segmentor(base: str, changes: dict[str, Any]) -> torch.nn.Module:
    path = configs_folder() / '_base_' / 'models' / f'{base}.py'
    cfg = Config(dict(model=without_training_parts(Config.fromfile(path).model)))
    cfg.merge_from_dict(dict(model=changes))
    cfg.model.decode_head.num_classes = 3
    torch.manual_seed(0)
    return MODELS.build(cfg.model).eval()


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'form'), CASES)
def test_a_file_predicts_what_the_network_does(name, form, tmp_path):
    model = segmentor(*FAMILIES[name])
    suffix, write = FORMATS[form]
    path = tmp_path / f'model{suffix}'
    graph = PredictionGraph(model).eval()
    path.write_bytes(write(graph, metadata()))
    assert check_file(path, model).logit_error < 2e-5
