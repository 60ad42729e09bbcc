"""What the tools make of a config before they run it."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmseg.registry import MODELS
from training import write_config

from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.config.prediction_options import (
    apply_prediction_options,
    fast_settings,
)
from mmseg_deeplab.engine import ResumableRunner
from mmseg_deeplab.engine.distributed import (
    init_cpu_process_group,
    leave_process_group,
    require_one_gpu_each,
)


@pytest.fixture
def cfg(tmp_path) -> Config:
    """Return a complete config whose data exist."""
    return launch.load_config(str(write_config(tmp_path)), work_dir=str(tmp_path))


def test_the_work_dir_is_that_of_the_command_line_then_the_configs(tmp_path):
    config = str(write_config(tmp_path))
    mine = {'work_dir': 'of_the_config'}
    assert launch.load_config(config).work_dir == 'work_dirs/tiny'
    assert launch.load_config(config, cfg_options=mine).work_dir == 'of_the_config'
    both = launch.load_config(config, cfg_options=mine, work_dir='given')
    assert both.work_dir == 'given'


def test_cfg_options_reach_into_lists(tmp_path):
    options = {'param_scheduler.0.power': 0.5, 'train_dataloader.batch_size': 7}
    cfg = launch.load_config(str(write_config(tmp_path)), cfg_options=options)
    assert cfg.param_scheduler[0].power == 0.5
    assert cfg.train_dataloader.batch_size == 7


@pytest.mark.parametrize(
    ('resume', 'resume_from', 'expected'),
    [(False, None, False), (True, None, 'auto'), (True, 'x', True)],
)
def test_resume_is_automatic_unless_a_file_is_named(
    cfg, tmp_path, resume, resume_from, expected
):
    path = None
    if resume_from:
        path = str(tmp_path / resume_from)
        (tmp_path / resume_from).touch()
    launch.prepare_training(cfg, resume=resume, resume_from=path)
    assert (cfg.resume, cfg.load_from) == (expected, path)


def test_testing_loads_the_checkpoint_and_resumes_nothing(cfg, tmp_path):
    (tmp_path / 'a.pth').touch()
    launch.prepare_testing(cfg, str(tmp_path / 'a.pth'), out='maps', show_dir='painted')
    assert (cfg.resume, cfg.load_from) == (False, str(tmp_path / 'a.pth'))
    assert cfg.test_evaluator.output_dir == 'maps'
    assert cfg.default_hooks.visualization.draw
    assert cfg.visualizer.save_dir == 'painted'


@pytest.mark.parametrize('training', [True, False])
def test_another_output_stride(cfg, tmp_path, training):
    (tmp_path / 'a.pth').touch()
    if training:
        launch.prepare_training(cfg, output_stride=16)
    else:
        launch.prepare_testing(cfg, str(tmp_path / 'a.pth'), output_stride=16)
    assert cfg.model.backbone.type == 'ResNet'  # of the host, at 32 by default
    assert tuple(cfg.model.backbone.strides) == (1, 2, 2, 1)
    assert tuple(cfg.model.backbone.dilations) == (1, 1, 1, 2)


def test_show_sets_the_time_of_each_window(cfg):
    launch.paint_predictions(cfg, show=True, show_dir=None, wait_time=0.5)
    hook = cfg.default_hooks.visualization
    assert (hook.draw, hook.show, hook.wait_time) == (True, True, 0.5)


@pytest.mark.parametrize(
    'network, wrapper',
    [('EncoderDecoder', 'SegTTAModel'), ('LeanEncoderDecoder', 'LeanTTAModel')],
)
def test_tta_wraps_the_model_and_takes_its_pipeline(cfg, network, wrapper):
    cfg.model.type = network
    launch.enable_tta(cfg)
    assert (cfg.model.type, cfg.model.module.type) == (wrapper, network)
    assert cfg.test_dataloader.dataset.pipeline == cfg.tta_pipeline


def test_fast_and_several_scales_are_one_switch_each(cfg):
    apply_prediction_options(cfg, msc=True, fast=True)
    apply_prediction_options(cfg, fast=True)
    assert cfg.model.type == 'MultiScaleEncoderDecoder'
    assert [hook['type'] for hook in cfg.custom_hooks] == ['InferenceSpeedHook']
    assert fast_settings(cfg) == {}
    cfg.custom_hooks[0]['bfloat16'] = True
    assert fast_settings(cfg) == dict(bfloat16=True)


def crf_file(folder: Path, text: str = "type='DenseCRF', bilateral_xy=20.0") -> str:
    """Write a CRF fragment and return its path."""
    path = folder / 'crf.py'
    path.write_text(f'crf = dict({text})\n')
    return str(path)


@pytest.mark.parametrize('network', ['EncoderDecoder', 'mmseg.EncoderDecoder'])
def test_crf_of_a_fragment(cfg, tmp_path, network):
    cfg.model.type = network
    launch.enable_crf(cfg, crf_file(tmp_path))
    assert cfg.model.type == 'LeanEncoderDecoder'
    assert cfg.model.crf == dict(type='DenseCRF', bilateral_xy=20.0)
    assert float(MODELS.build(cfg.model).crf.bilateral_xy) == 20


def test_crf_without_a_file_is_the_configs_own_then_the_released_one(cfg):
    cfg.model.update(type='MultiScaleEncoderDecoder')
    launch.enable_crf(cfg)
    assert cfg.model.type == 'MultiScaleEncoderDecoder'
    released = MODELS.build(cfg.model).crf.settings()
    fragment = Path(__file__).parents[2] / 'configs' / 'crf' / 'voc12_r101.py'
    assert released == launch.load_crf(fragment)
    cfg.model.crf = dict(type='DenseCRF', bilateral_weight=1.0)
    launch.enable_crf(cfg, True)
    assert cfg.model.crf.bilateral_weight == 1


def test_crf_on_another_family_is_refused(cfg):
    cfg.model.type = 'CascadeEncoderDecoder'
    with pytest.raises(ValueError, match=r"model\.type='Cascade.* is none"):
        launch.enable_crf(cfg)


FRAGMENTS = sorted((Path(__file__).parents[2] / 'configs' / 'crf').glob('*.py'))


@pytest.mark.parametrize('fragment', FRAGMENTS, ids=lambda path: path.stem)
def test_the_projects_fragments_load(fragment):
    assert launch.load_crf(fragment)['num_iterations'] == 10
    assert f'configs/crf/{fragment.name}' in fragment.read_text()


@pytest.mark.parametrize(
    'text',
    [
        "type='DenseCRF', bilateral_xi=20",
        "type='NoSuchCRF'",
        'num_iterations=5',
        "type='DenseCRF', compatibility='nowhere.npy'",
    ],
)
def test_a_fragment_that_is_no_crf_names_its_file(tmp_path, text):
    with pytest.raises(ValueError, match=r'crf\.py: '):
        launch.load_crf(crf_file(tmp_path, text))


@pytest.mark.parametrize('text', ['model = dict()', 'crf = 3', 'crf = dict('])
def test_a_file_without_a_crf_is_named(tmp_path, text):
    (tmp_path / 'other.py').write_text(text + '\n')
    with pytest.raises(ValueError, match=r'other\.py: '):
        launch.load_crf(tmp_path / 'other.py')


def test_a_missing_fragment_is_named():
    with pytest.raises(FileNotFoundError, match=r"'no/crf\.py' does not exist"):
        launch.load_crf('no/crf.py')


def test_a_compatibility_file_lies_beside_the_fragment(tmp_path):
    np.save(tmp_path / 'c.npy', np.eye(3))
    crf = launch.load_crf(crf_file(tmp_path, "type='DenseCRF', compatibility='c.npy'"))
    assert crf['compatibility'] == str(tmp_path / 'c.npy')


def test_tta_with_a_crf_refines_once(cfg):
    launch.enable_crf(cfg)
    launch.enable_tta(cfg)
    assert cfg.model.type == 'LeanTTAModel'
    assert cfg.model.module.crf.type == 'DenseCRF'


def test_a_tta_model_that_would_refine_every_view_is_refused(cfg):
    launch.enable_crf(cfg)
    cfg.tta_model = dict(type='BaseTTAModel')
    with pytest.raises(ValueError, match=r"tta_model\.type='BaseTTAModel'"):
        launch.enable_tta(cfg)


@pytest.mark.parametrize('network', ['EncoderDecoder', 'MultiScaleEncoderDecoder'])
def test_a_checkpoint_is_tested_with_everything_on(cfg, tmp_path, network):
    cfg.model.type = network
    cfg.test_dataloader.batch_size = 2
    checkpoint = tmp_path / 'a.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), checkpoint)
    launch.prepare_testing(
        cfg, str(checkpoint), output_stride=16, crf=crf_file(tmp_path), tta=True
    )
    runner = launch.build_runner(cfg)
    figures = runner.test()
    assert float(runner.model.module.crf.bilateral_xy) == 20
    assert 0 <= figures['mIoU'] <= 100


@pytest.mark.parametrize(
    ('missing', 'call', 'message'),
    [
        ('tta_pipeline', launch.enable_tta, 'tta_pipeline'),
        ('test_evaluator', lambda cfg: launch.write_predictions(cfg, 'x'), '--out'),
        (
            'default_hooks',
            lambda cfg: launch.paint_predictions(
                cfg, show=True, show_dir=None, wait_time=1
            ),
            r'default_hooks\.visualization',
        ),
    ],
)
def test_what_an_option_needs_and_lacks_is_named(cfg, missing, call, message):
    cfg.pop(missing)
    with pytest.raises(ValueError, match=message):
        call(cfg)


def test_a_single_evaluator_in_a_list_writes_the_maps(cfg):
    cfg.test_evaluator = [cfg.test_evaluator]
    launch.write_predictions(cfg, 'maps')
    assert cfg.test_evaluator[0].output_dir == 'maps'


@pytest.mark.parametrize('key', ['data_root', 'data_prefix.img_path', 'ann_file'])
def test_missing_data_in_a_wrapped_data_set_is_named(cfg, key):
    inner = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = {
        'type': 'ConcatDataset',
        'datasets': [inner, {'type': 'RepeatDataset', 'times': 2, 'dataset': inner}],
    }
    cfg.merge_from_dict(
        {f'train_dataloader.dataset.datasets.1.dataset.{key}': 'nowhere'}
    )
    with pytest.raises(FileNotFoundError, match=r'nowhere.*--cfg-options'):
        launch.check_data(cfg, 'train_dataloader')


def test_remote_data_and_absent_loaders_are_not_checked(cfg):
    cfg.train_dataloader.dataset.update(data_root='s3://bucket/data')
    cfg.val_dataloader = None
    launch.check_data(cfg, 'train_dataloader', 'val_dataloader', 'no_dataloader')
    launch.check_checkpoint('https://host/a.pth')


def test_amp_takes_the_hosts_wrapper_where_there_is_a_gpu(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    for _ in range(2):
        launch.enable_amp(cfg)
        assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
        assert cfg.optim_wrapper.loss_scale == 'dynamic'
    cfg.optim_wrapper.type = 'MyWrapper'
    with pytest.raises(ValueError, match="got 'MyWrapper'"):
        launch.enable_amp(cfg)


def test_amp_without_a_gpu_is_refused(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(ValueError, match='--amp needs a GPU'):
        launch.enable_amp(cfg)


def test_sync_bn_is_replaced_at_any_depth():
    model = {'a': [{'norm_cfg': {'type': 'SyncBN', 'eps': 1}}], 'b': ({'type': 'BN'},)}
    assert launch.replace_sync_bn(model)
    assert model['a'][0]['norm_cfg'] == {'type': 'BN', 'eps': 1}
    assert not launch.replace_sync_bn(model)


@pytest.mark.parametrize('error', [ValueError, TypeError, FileNotFoundError])
def test_a_users_mistake_ends_the_program_with_one_line(error):
    with pytest.raises(SystemExit, match=r'^error: what$'), launch.one_line_errors():
        raise error('what')


def test_another_error_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), launch.one_line_errors():
        raise ZeroDivisionError


def test_the_runner_is_the_configs_or_the_resumable_one(cfg):
    assert isinstance(launch.build_runner(cfg), ResumableRunner)
    cfg.runner_type = 'Runner'
    assert type(launch.build_runner(cfg)) is Runner


@pytest.fixture
def slurm(monkeypatch, tmp_path) -> None:
    """Stand in for Slurm: one task on this machine, and its command."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        monkeypatch.setenv('MASTER_PORT', str(free.getsockname()[1]))
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text('#!/bin/sh\necho 127.0.0.1; echo other\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    for name in ('PROCID', 'LOCALID'):
        monkeypatch.setenv(f'SLURM_{name}', '0')
    monkeypatch.setenv('SLURM_NTASKS', '1')
    monkeypatch.setenv('SLURM_NODELIST', 'node[1-2]')


def test_slurm_tasks_meet_at_the_first_machine(slurm):
    init_cpu_process_group('slurm')
    try:
        assert torch.distributed.get_backend() == 'gloo'
        assert os.environ['MASTER_ADDR'] == '127.0.0.1'
        assert os.environ['LOCAL_RANK'] == '0'
    finally:
        leave_process_group()
    assert not torch.distributed.is_initialized()
    leave_process_group()  # of none is nothing to do


def test_a_launcher_that_has_not_launched_is_named(monkeypatch):
    monkeypatch.delenv('OMPI_COMM_WORLD_RANK', raising=False)
    with pytest.raises(ValueError, match=r'--launcher mpi.*OMPI_COMM_WORLD_RANK'):
        init_cpu_process_group('mpi')


def test_more_processes_than_gpus_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 1)
    monkeypatch.setenv('LOCAL_RANK', '0')
    require_one_gpu_each('pytorch')
    monkeypatch.setenv('LOCAL_RANK', '1')
    with pytest.raises(ValueError, match=r'process 1 .*: 1 visible.*at most 1'):
        require_one_gpu_each('pytorch')
