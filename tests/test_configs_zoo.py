"""The ``_zoo`` leaves against the configs that MMSegmentation installs with itself."""

import importlib.util
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from mmengine import Config
from mmseg.registry import MODELS

from mmseg_deeplab.config.scan_config import dataset_configs

ROOT = Path(__file__).resolve().parents[1]
LEAVES = sorted((ROOT / 'configs').glob('*_zoo*.py'))
INSTALLED = Path(importlib.util.find_spec('mmseg').origin).parent / '.mim' / 'configs'
FOLDERS = {
    'deeplabv3': 'deeplabv3',
    'deeplabv3plus': 'deeplabv3plus',
    'mobilenetv2': 'mobilenet_v2',
}
# Steps of the zoo's training and what its names say of the data set.
DATA = {
    'cityscapes': ('80k', '4xb2', 'cityscapes-512x1024'),
    'voc12aug': ('', '4xb4', 'voc12aug-512x512'),
    'ade20k': ('160k', '4xb4', 'ade20k-512x512'),
    'coco_stuff10k': ('40k', '4xb4', 'coco-stuff10k-512x512'),
    'coco_stuff164k': ('320k', '4xb4', 'coco-stuff164k-512x512'),
}
NAME = re.compile(
    r'(?P<method>deeplabv3(?:plus)?)_(?P<backbone>r50|r101|mobilenetv2)_'
    rf'(?P<data>{"|".join(DATA)})_zoo(?:_(?P<steps>\d+k))?'
    r'(?P<grid>_d16mg124)?(?P<amp>_amp)?'
)
# Named 80k, and published so, but MMSegmentation's file inherits its schedule of 40k.
MISNAMED = ('deeplabv3_r101_cityscapes_zoo_amp',)
pytestmark = pytest.mark.skipif(not INSTALLED.is_dir(), reason='mmseg lacks configs')


def zoo_name(leaf: Path) -> str:
    """Return MMSegmentation's name of the config that a leaf is called after."""
    part = NAME.fullmatch(leaf.stem).groupdict(default='')
    steps, batch, data = DATA[part['data']]
    steps = part['steps'] or steps
    amp = 'amp-' if part['amp'] else ''
    end = f'{batch}-{amp}{steps}_{data}'
    if part['backbone'] == 'mobilenetv2':
        return f'mobilenet-v2-d8_{part["method"]}_{end}'
    stride = 'd16-mg124' if part['grid'] else 'd8'
    return f'{part["method"]}_{part["backbone"]}-{stride}_{end}'


def folder(leaf: Path) -> Path:
    method, backbone = leaf.stem.split('_')[:2]
    return INSTALLED / FOLDERS.get(backbone, method)


@pytest.fixture(scope='module', params=LEAVES, ids=[leaf.stem for leaf in LEAVES])
def leaf(request) -> Path:
    return request.param


@pytest.fixture(scope='module')
def ours(leaf) -> Config:
    return Config.fromfile(leaf)


@pytest.fixture(scope='module')
def theirs(leaf) -> Config:
    return Config.fromfile(folder(leaf) / f'{zoo_name(leaf)}.py')


def plain(value: Any) -> Any:
    """Return lists for tuples, and no option that has its default value."""
    if isinstance(value, dict):
        known = defaults(MODELS.get(value['type'])) if 'type' in value else {}
        options = {k: plain(v) for k, v in value.items()}
        return {k: v for k, v in options.items() if k not in known or v != known[k]}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def defaults(kind: type | None) -> dict[str, Any]:
    """Return the default values of a class and of those that it hands options to."""
    found = {}
    for parent in reversed(inspect.getmro(kind) if kind else ()):
        for name, option in inspect.signature(parent.__init__).parameters.items():
            if option.default is not option.empty:
                found[name] = plain(option.default)
    return found


def test_network_is_theirs(ours, theirs):
    ours, theirs = ours.model.to_dict(), theirs.model.to_dict()
    weights = ours['backbone'].pop('init_cfg')
    assert weights == dict(type='Pretrained', checkpoint=theirs.pop('pretrained'))
    # The losses and predictions are the same: test_models/test_lean_equality.py.
    assert ours.pop('type') == f'Lean{theirs.pop("type")}'
    assert plain(ours) == plain(theirs)


def test_optimizer_and_learning_rate_are_theirs(leaf, ours, theirs):
    assert ours.optim_wrapper.optimizer == theirs.optim_wrapper.optimizer
    assert ours.optim_wrapper.get('loss_scale') == theirs.optim_wrapper.get(
        'loss_scale'
    )
    if leaf.stem not in MISNAMED:
        assert ours.param_scheduler == theirs.param_scheduler
        assert ours.train_cfg.max_iters == theirs.train_cfg.max_iters


def as_theirs(pipeline):
    """Name the transforms that ours derive from, with the same results."""
    steps = plain(pipeline)
    return [dict(step, type=step['type'].removeprefix('Lean')) for step in steps]


def test_training_images_are_theirs(ours, theirs):
    assert ours.train_dataloader.batch_size == theirs.train_dataloader.batch_size
    (theirs, *_) = dataset_configs(theirs.train_dataloader)
    for dataset in dataset_configs(ours.train_dataloader):
        loading = [step.type for step in dataset.pipeline[:2]]
        assert loading == ['LoadCheckedImage', 'LoadCheckedAnnotations']
        assert as_theirs(dataset.pipeline[2:]) == plain(theirs.pipeline[2:])


def test_published_results_are_those_of_their_metafile(leaf):
    models = yaml.safe_load((folder(leaf) / 'metafile.yaml').read_text())['Models']
    config = f'{zoo_name(leaf)}.py'
    # Two in one case: MMSegmentation lists its 80k under the 160k's name, too.
    published = [
        m['Results']['Metrics'] for m in models if m['Config'].endswith(config)
    ]
    docstring = leaf.read_text().split('"""')[1]
    assert any(
        all(f'{value:.2f}' in docstring for value in metrics.values())
        for metrics in published
    )
