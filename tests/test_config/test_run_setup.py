"""What training and testing make of a config before they run it."""

import copy
import os

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from training import free_port, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.class_balance import write_class_weights
from mmseg_deeplab.config.config_checks import check_checkpoint, check_data
from mmseg_deeplab.config.run_setup import (
    build_runner,
    enable_amp,
    paint_predictions,
    prepare_testing,
    prepare_training,
    replace_sync_bn,
    write_predictions,
)
from mmseg_deeplab.config.scan_config import scan_config
from mmseg_deeplab.engine import ResumableRunner
from mmseg_deeplab.engine.distributed import (
    init_cpu_process_group,
    leave_process_group,
    require_one_gpu_each,
)
from mmseg_deeplab.utils.errors import InputError


@pytest.fixture
def cfg(tmp_path) -> Config:
    """Return a complete config whose data exist."""
    (tmp_path / 'a.pth').touch()
    return read_config(write_config(tmp_path), work_dir=tmp_path)


def test_the_work_dir_is_that_of_the_command_line_then_the_configs(tmp_path):
    config, mine = write_config(tmp_path), {'work_dir': 'of_the_config'}
    assert read_config(config).work_dir == 'work_dirs/tiny'
    assert read_config(config, mine).work_dir == 'of_the_config'
    assert read_config(config, mine, work_dir='given').work_dir == 'given'


@pytest.mark.parametrize(
    ('by_config', 'by_command', 'expected'),
    [(False, False, False), (False, True, 'auto'), (True, False, 'auto')],
)
def test_resume_is_automatic_unless_a_file_is_named(
    cfg, tmp_path, by_config, by_command, expected
):
    cfg.resume = by_config
    prepare_training(cfg, resume=by_command)
    assert (cfg.resume, cfg.load_from) == (expected, None)
    path = str(tmp_path / 'a.pth')
    prepare_training(cfg, resume=True, resume_from=path)
    assert (cfg.resume, cfg.load_from) == (True, path)


def test_testing_loads_the_checkpoint_and_resumes_nothing(cfg, tmp_path):
    checkpoint = str(tmp_path / 'a.pth')
    prepare_testing(cfg, checkpoint, out='masks', show_dir='painted')
    assert (cfg.resume, cfg.load_from) == (False, checkpoint)
    assert cfg.test_evaluator.output_dir == 'masks'
    assert cfg.default_hooks.visualization.draw
    assert cfg.visualizer.save_dir == 'painted'


def test_masks_alone_need_a_folder(cfg, tmp_path):
    checkpoint = str(tmp_path / 'a.pth')
    with pytest.raises(InputError, match=r'--format-only .*--out FOLDER'):
        prepare_testing(cfg, checkpoint, format_only=True)
    prepare_testing(cfg, checkpoint, format_only=True, out='masks')
    types = [step.type for step in cfg.test_dataloader.dataset.pipeline]
    assert 'LoadAnnotations' not in types


@pytest.mark.parametrize('training', [True, False])
def test_another_output_stride(cfg, tmp_path, training):
    if training:
        prepare_training(cfg, output_stride=16)
    else:
        prepare_testing(cfg, str(tmp_path / 'a.pth'), output_stride=16)
    backbone = cfg.model.backbone  # MMSegmentation's, at 32 by default
    assert tuple(backbone.strides) == (1, 2, 2, 1)
    assert tuple(backbone.dilations) == (1, 1, 1, 2)


def test_show_sets_the_time_of_each_window(cfg):
    paint_predictions(cfg, show=True, show_dir=None, wait_time=0.5)
    hook = cfg.default_hooks.visualization
    assert (hook.draw, hook.show, hook.wait_time) == (True, True, 0.5)
    cfg.pop('default_hooks')
    with pytest.raises(ValueError, match=r'default_hooks\.visualization'):
        paint_predictions(cfg, show=True, show_dir=None, wait_time=1)


def test_a_single_evaluator_in_a_list_writes_the_masks(cfg):
    cfg.test_evaluator = [cfg.test_evaluator]
    write_predictions(cfg, 'masks', format_only=True)
    assert cfg.test_evaluator[0].output_dir == 'masks'
    assert cfg.test_evaluator[0].format_only
    cfg.test_evaluator *= 2
    with pytest.raises(ValueError, match='--out needs one test_evaluator'):
        write_predictions(cfg, 'masks')


@pytest.mark.parametrize('key', ['data_root', 'data_prefix.img_path', 'ann_file'])
def test_missing_data_in_a_wrapped_data_set_is_named(cfg, key):
    inner = cfg.train_dataloader.dataset
    wrapped = {'type': 'RepeatDataset', 'times': 2, 'dataset': inner}
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[inner, wrapped])
    place = 'train_dataloader.dataset.datasets.1.dataset'
    cfg.merge_from_dict({f'{place}.{key}': 'nowhere'})
    with pytest.raises(FileNotFoundError, match=r'nowhere.*--cfg-options'):
        check_data(cfg, 'train_dataloader')


def test_remote_data_and_absent_loaders_are_not_checked(cfg):
    cfg.train_dataloader.dataset.update(data_root='s3://bucket/data')
    cfg.val_dataloader = None
    check_data(cfg, 'train_dataloader', 'val_dataloader', 'no_dataloader')
    check_checkpoint('https://host/a.pth')


@pytest.mark.parametrize(
    'loop', [dict(type='EpochBasedTrainLoop', max_epochs=3), dict(by_epoch=True)]
)
def test_epochs_without_end_are_refused(cfg, loop):
    cfg.train_cfg = loop
    with pytest.raises(InputError, match=r'InfiniteSampler .* no end.*DefaultSampler'):
        prepare_training(cfg)
    cfg.train_dataloader.sampler.type = 'DefaultSampler'
    prepare_training(cfg)


@pytest.mark.parametrize('num_classes', [2, 5])
def test_a_head_of_other_classes_than_the_data_is_refused(cfg, tmp_path, num_classes):
    cfg.model.decode_head.num_classes = num_classes
    message = rf'num_classes={num_classes}, but .* has 3 classes\. Remedy'
    with pytest.raises(InputError, match=message):
        prepare_training(cfg)
    with pytest.raises(InputError, match=message):
        prepare_testing(cfg, str(tmp_path / 'a.pth'))


@pytest.mark.parametrize('where', ['joined', 'val'])
def test_classes_in_another_order_are_refused_as_by_the_check(cfg, where):
    other = copy.deepcopy(cfg.train_dataloader.dataset)
    other.metainfo.classes = ('a', 'c', 'b')
    if where == 'joined':
        parts = [cfg.train_dataloader.dataset, other]
        cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=parts)
    else:
        cfg.val_dataloader.dataset = other
    with pytest.raises(InputError, match=r'1 b, 2 c; .* has 1 c, 2 b') as error:
        prepare_training(cfg)
    report = scan_config(cfg, splits=('train', 'val'), progress=False)
    assert [fault.message for fault in report.faults] == [str(error.value)]


def test_other_names_are_refused_where_data_sets_are_joined_only(cfg):
    other = copy.deepcopy(cfg.train_dataloader.dataset)
    other.metainfo.classes = ('a', 'b', 'd')
    cfg.val_dataloader.dataset = other
    prepare_training(cfg)
    parts = [cfg.train_dataloader.dataset, other]
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=parts)
    with pytest.raises(InputError, match='class names differ: train 1 of 2'):
        prepare_training(cfg)


def test_class_weights_of_an_other_order_are_refused(cfg, tmp_path):
    weights = tmp_path / 'weights.json'
    cfg.model.type = 'LeanEncoderDecoder'
    cfg.model.decode_head.loss_decode.class_weight = str(weights)
    write_class_weights(np.ones(3), weights, ('a', 'b', 'c'))
    prepare_training(cfg)
    write_class_weights(np.ones(3), weights, ('a', 'c', 'b'))
    with pytest.raises(InputError, match=r'weights\.json.*1 c, 2 b; .*class-weights'):
        prepare_training(cfg)
    (tmp_path / 'weights.classes.txt').unlink()  # weights of elsewhere
    prepare_training(cfg)


def test_amp_takes_mmengines_wrapper_where_there_is_a_gpu(cfg, monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    for _ in range(2):
        enable_amp(cfg)
        assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
        assert cfg.optim_wrapper.loss_scale == 'dynamic'
    cfg.optim_wrapper.type = 'MyWrapper'
    with pytest.raises(ValueError, match="got 'MyWrapper'"):
        enable_amp(cfg)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    with pytest.raises(InputError, match='--amp needs a GPU'):
        prepare_training(cfg, amp=True)


def test_sync_bn_is_replaced_at_any_depth():
    model = {'a': [{'norm_cfg': {'type': 'SyncBN', 'eps': 1}}], 'b': ({'type': 'BN'},)}
    assert replace_sync_bn(model)
    assert model['a'][0]['norm_cfg'] == {'type': 'BN', 'eps': 1}
    assert not replace_sync_bn(model)


def test_the_runner_is_the_configs_or_the_resumable_one(cfg):
    assert isinstance(build_runner(cfg), ResumableRunner)
    cfg.runner_type = 'Runner'
    assert type(build_runner(cfg)) is Runner


def test_slurm_tasks_meet_at_the_first_machine(monkeypatch, tmp_path):
    """One task on this machine, and Slurm's command."""
    monkeypatch.setenv('MASTER_PORT', str(free_port()))
    scontrol = tmp_path / 'scontrol'
    scontrol.write_text('#!/bin/sh\necho 127.0.0.1; echo other\n')
    scontrol.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR'):
        monkeypatch.setenv(name, '')
        monkeypatch.delenv(name)
    task = dict(PROCID='0', LOCALID='0', NTASKS='1', NODELIST='node[1-2]')
    for name, value in task.items():
        monkeypatch.setenv(f'SLURM_{name}', value)
    init_cpu_process_group('slurm')
    try:
        assert torch.distributed.get_backend() == 'gloo'
        assert os.environ['MASTER_ADDR'] == '127.0.0.1'
        assert os.environ['LOCAL_RANK'] == '0'
    finally:
        leave_process_group()
    assert not torch.distributed.is_initialized()
    leave_process_group()  # without a group there is nothing to do


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
