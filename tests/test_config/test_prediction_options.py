"""One switch each for CRF, scales, speed and views, with one meaning everywhere."""

import re

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmseg.registry import MODELS
from training import ROOT, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.prediction_options import (
    apply_prediction_options,
    fast_settings,
    load_crf,
)
from mmseg_deeplab.config.run_setup import build_runner, prepare_testing

FRAGMENTS = sorted((ROOT / 'configs' / 'crf').glob('*.py'))


@pytest.fixture
def cfg(tmp_path) -> Config:
    """Return a complete config whose data exist."""
    return read_config(write_config(tmp_path), work_dir=tmp_path)


@pytest.fixture
def crf_file(tmp_path) -> str:
    """Return the path of a CRF fragment."""
    np.save(tmp_path / 'c.npy', np.eye(3))
    path = tmp_path / 'crf.py'
    text = "type='DenseCRF', bilateral_xy=20.0, compatibility='c.npy'"
    path.write_text(f'crf = dict({text})\n')
    return str(path)


def test_fast_and_several_scales_are_one_switch_each(cfg):
    apply_prediction_options(cfg, msc=True, fast=True)
    apply_prediction_options(cfg, msc=True, fast=True)  # as often as one likes
    assert cfg.model.type == 'MultiScaleEncoderDecoder'
    by_mixin = read_config(cfg.filename, mixins=['fast_inference'])
    assert cfg.custom_hooks == by_mixin.custom_hooks
    assert fast_settings(cfg) == {}
    cfg.custom_hooks[0]['bfloat16'] = True
    assert fast_settings(cfg) == dict(bfloat16=True)


@pytest.mark.parametrize('network', ['EncoderDecoder', 'mmseg.EncoderDecoder'])
def test_crf_of_a_fragment(cfg, tmp_path, network, crf_file):
    cfg.model.type = network
    apply_prediction_options(cfg, crf=crf_file)
    assert cfg.model.type == 'LeanEncoderDecoder'
    # A compatibility file lies beside the fragment.
    crf = dict(type='DenseCRF', bilateral_xy=20.0)
    assert cfg.model.crf == crf | dict(compatibility=str(tmp_path / 'c.npy'))
    assert float(MODELS.build(cfg.model).crf.bilateral_xy) == 20
    apply_prediction_options(cfg)
    assert 'crf' in cfg.model
    apply_prediction_options(cfg, crf=False)
    assert 'crf' not in cfg.model


def test_crf_without_a_file_is_the_configs_own_then_the_released_one(cfg):
    apply_prediction_options(cfg, crf=True, msc=True)
    released = MODELS.build(cfg.model).crf.settings()
    assert released == load_crf(ROOT / 'configs' / 'crf' / 'voc12_r101.py')
    cfg.model.crf = dict(type='DenseCRF', bilateral_weight=1.0)
    apply_prediction_options(cfg, crf=True)
    assert cfg.model.crf.bilateral_weight == 1


@pytest.mark.parametrize('option', ['crf', 'msc'])
def test_another_family_is_refused(cfg, option):
    cfg.model.type = 'CascadeEncoderDecoder'
    with pytest.raises(ValueError, match=rf"--{option} .*model\.type='Cascade.* none"):
        apply_prediction_options(cfg, **{option: True})


@pytest.mark.parametrize('fragment', FRAGMENTS, ids=lambda path: path.stem)
def test_the_projects_fragments_load(fragment):
    assert load_crf(fragment)['num_iterations'] == 10
    assert f'configs/crf/{fragment.name}' in fragment.read_text()


@pytest.mark.parametrize(
    'text',
    [
        "crf = dict(type='DenseCRF', bilateral_xi=20)",
        "crf = dict(type='NoSuchCRF')",
        'crf = dict(num_iterations=5)',
        "crf = dict(type='DenseCRF', compatibility='nowhere.npy')",
        'model = dict()',
        'crf = 3',
        'crf = dict(',
    ],
)
def test_a_fragment_that_is_no_crf_is_named(tmp_path, text):
    (tmp_path / 'other.py').write_text(text + '\n')
    with pytest.raises(ValueError, match=r'other\.py: '):
        load_crf(tmp_path / 'other.py')


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        ('crf.json', '{"crf": {"type": "os.mkdir", "path": "owned"}}'),
        ('crf.json', '{"custom_imports": {"imports": ["owned"]}, "crf": {"type": 1}}'),
        ('crf.json', '{"crf": ' + '[' * 10**6),
        ('crf.json', '[1]'),
        ('crf.yaml', '!!python/object/apply:os.mkdir [owned]'),
        ('crf.pkl', "cos\nmkdir\n(S'owned'\ntR."),
    ],
    ids=range(6),
)
def test_a_fragment_that_is_data_runs_nothing(tmp_path, monkeypatch, name, text):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'owned.py').write_text('import os; os.mkdir("owned")')
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=re.escape(name)):
        load_crf(name)
    assert not (tmp_path / 'owned').exists()


def test_tta_wraps_the_model_and_takes_its_pipeline(cfg):
    network = cfg.model.type
    apply_prediction_options(cfg, tta=True)
    assert (cfg.model.type, cfg.model.module.type) == ('LeanTTAModel', network)
    assert cfg.test_dataloader.dataset.pipeline == cfg.tta_pipeline
    cfg.pop('tta_pipeline')
    with pytest.raises(ValueError, match='tta_pipeline'):
        apply_prediction_options(cfg, tta=True)


def test_a_tta_model_that_would_refine_every_view_is_refused(cfg):
    cfg.tta_model = dict(type='BaseTTAModel')
    with pytest.raises(ValueError, match=r"tta_model\.type='BaseTTAModel'"):
        apply_prediction_options(cfg, tta=True, crf=True)


@pytest.mark.parametrize('msc', [False, True])
def test_a_checkpoint_is_tested_with_everything_on(cfg, tmp_path, crf_file, msc):
    cfg.test_dataloader.batch_size = 2
    checkpoint = tmp_path / 'a.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), checkpoint)
    options = dict(crf=crf_file, msc=msc, fast=True, tta=True)
    prepare_testing(cfg, str(checkpoint), output_stride=16, **options)
    assert cfg.model.type == 'LeanTTAModel'  # refines the average once
    runner = build_runner(cfg)
    metrics = runner.test()
    assert float(runner.model.module.crf.bilateral_xy) == 20
    assert 0 <= metrics['mIoU'] <= 100
