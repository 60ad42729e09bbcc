"""The Python blocks of the documentation: code runs, configs are built and trained.

A block with ``_base_`` or ``model = dict(`` is a config; without ``_base_`` it is
merged onto :data:`BASE`. The other blocks of a page run one after the other, as one
program.
"""

import re
import shutil
from pathlib import Path

import pytest
import torch
from doc_pages import ROOT, Block, all_blocks
from doc_sandbox import CHECKPOINT, QUICKSTART, Sandbox
from mmengine.structures import PixelData
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample
from panoptic_network import random_targets

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.run_setup import replace_sync_bn

BLOCKS = [b for b in all_blocks('python') if b.page != 'docs/tutorial.md']
CONFIGS = [b for b in BLOCKS if re.search(r'^(_base_ = |model = dict\()', b.text, re.M)]
CODE = [b for b in BLOCKS if b not in CONFIGS]
BASE = './deeplabv3_mobilenetv2_camvid.py'

# What stands for the reader's own files.
REPLACED = {
    "'CONFIG.py'": repr(QUICKSTART),
    "'CHECKPOINT.pth'": repr(CHECKPOINT),
    "'LEAF.py'": "'deeplabv3_r50_camvid.py'",
    './LEAF.py': './deeplabv3_r50_camvid.py',
    "['./deeplabv3_mobilenetv2_folder.py']\nchannels": f'[{BASE!r}]\nchannels',
    # Downloads.
    "'deeplabv3plus_r101_cityscapes'": f'{QUICKSTART!r}, {CHECKPOINT!r}',
    'use_plus=True)': 'use_plus=True, is_backbone_pretrained=False)',
}
# Commands of a page that its programs build on.
BEFORE = {
    'docs/deployment.md': [
        f'mmseg-deeplab export {QUICKSTART} {CHECKPOINT} {options}'
        for options in (
            '',
            '--format torch_export --out model.pt2',
            '--format torchscript --out model.torchscript',
        )
    ]
}
# What is in configs that are loaded and not built.
PARTS = {
    './_base_/models/deeplabv2_r101.py': 'num_classes is left open in this example',
    'channels = (4, 3, 2, 8)': 'the images of this test have three channels',
    './_base_/mixins/class_weight.py': 'the weights are written by a command',
}


def replace(text: str) -> str:
    """Put the sandbox's files in for placeholders."""
    for old, new in REPLACED.items():
        text = text.replace(old, new)
    return text


@pytest.mark.slow
@pytest.mark.parametrize('page', sorted({block.page for block in CODE}))
def test_programs_run(sandbox: Sandbox, page):
    for command in BEFORE.get(page, ()):
        sandbox.run(command)
    text = '\n'.join(block.text for block in CODE if block.page == page)
    (sandbox.folder / 'program.py').write_text(replace(text))
    sandbox.run('python program.py')


@pytest.fixture(scope='module')
def configs(tmp_path_factory) -> Path:
    """Return a copy of ``configs`` for the reader's additions."""
    return shutil.copytree(ROOT / 'configs', tmp_path_factory.mktemp('c') / 'configs')


@pytest.mark.slow
@pytest.mark.parametrize('block', CONFIGS, ids=str)
def test_configs_train_and_predict(configs: Path, block: Block):
    text = replace(block.text)
    if '_base_' not in text:
        text = f'_base_ = {BASE!r}\n{text}'
    path = configs / f'block_{block.line}.py'
    path.write_text(text)
    cfg = read_config(str(path))
    if any(part in text for part in PARTS):
        return
    replace_sync_bn(cfg.model)
    model = MODELS.build(cfg.model)
    sample = SegDataSample(
        gt_sem_seg=PixelData(data=torch.zeros(1, 64, 64, dtype=torch.long)),
        metainfo=dict(img_shape=(64, 64), ori_shape=(64, 64)),
    )
    sample.gt_panoptic_targets = random_targets((64, 64))
    images = torch.randn(2, 3, 64, 64)
    losses = model.loss(images, [sample, sample.clone()])
    model.parse_losses(losses)[0].backward()
    with torch.no_grad():
        logits = model.eval()(images, mode='tensor')
    if isinstance(logits, tuple):  # of a panoptic network
        logits = logits[0]
    assert logits.shape[1] == cfg.num_classes
