"""``search`` and ``decode``: from a search to a config that trains what it found."""

import pytest
from mmengine.config import Config
from mmseg.registry import MODELS
from training import train_here, write_config

from mmseg_deeplab.cli import run
from mmseg_deeplab.config.found_architecture import write_found_network
from mmseg_deeplab.models.backbones.genotype import read_genotype

SEARCH = """
model = dict(
    model,
    type='ArchitectureSearchSegmentor',
    backbone=dict(type='AutoDeepLabSearchNet', num_layers=3, num_blocks=2, filters=2),
    decode_head=dict(
        type='MultiStrideASPPHead', in_channels=[4, 8, 16, 32], channels=4,
        num_classes=3, dropout_ratio=0, align_corners=True,
        loss_decode=dict(type='CrossEntropyLoss')))
train_dataloader['sampler'] = dict(type='AlternatingHalvesSampler', batch_size=2)
optim_wrapper = dict(
    constructor='ArchitectureSearchOptimWrapperConstructor',
    weights=dict(optimizer=dict(type='SGD', lr=0.01)),
    architecture=dict(optimizer=dict(type='Adam', lr=0.01)))
param_scheduler = dict(weights=param_scheduler, architecture=[])
custom_hooks = [dict(type='ArchitectureSearchHook', interval=1)]
"""


@pytest.fixture(scope='module')
def searched(tmp_path_factory):
    """Return the work folder of a search of four iterations, with what it found."""
    folder = tmp_path_factory.mktemp('search')
    config = write_config(folder, iters=4, interval=4, extra=SEARCH)
    run('search', [str(config), '--work-dir', str(folder / 'work')])
    run('decode', [str(folder / 'work'), '--filters', '4', '--random', '2'])
    return folder / 'work'


def test_the_search_is_drawn(searched):
    assert (searched / 'architecture.png').stat().st_size > 10_000


def test_the_found_config_builds_the_found_network(searched):
    genotype = read_genotype(searched / 'genotype.json')
    cfg = Config.fromfile(str(searched / 'found.py'))
    assert len(genotype.levels) == 3
    assert cfg.model.backbone.filters == 4
    assert MODELS.build(cfg.model).backbone.genotype == genotype


def test_the_weights_of_a_training_are_not_decoded(tmp_path):
    train_here(write_config(tmp_path, iters=1), tmp_path / 'work')
    with pytest.raises(ValueError, match='not those of an architecture search'):
        write_found_network(tmp_path / 'work', 'autodeeplab_synthetic_streets')


@pytest.mark.parametrize('name', ['random_0.py', 'random_1.py'])
def test_random_networks_are_of_the_same_space(searched, name):
    backbone = MODELS.build(Config.fromfile(str(searched / name)).model).backbone
    assert (len(backbone.genotype.levels), len(backbone.genotype.blocks)) == (3, 2)
