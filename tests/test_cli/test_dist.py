"""Two processes train like one with the double batch, without a GPU, through gloo."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from local import call
from training import (
    ROOT,
    TEST,
    TRAIN,
    Server,
    assert_all_ended_well,
    fake_python,
    losses,
    start_ranks,
    weights,
    write_config,
)

QUICKSTART = ROOT / 'configs' / 'deeplabv2_r26_synthetic_streets.py'
# The quickstart, small, with frozen statistics and without random augmentation.
LEAF = f"""
_base_ = [{str(QUICKSTART)!r}]
size = (64, 128)
pipeline = [
    dict(type='LoadCheckedImage'),
    dict(type='LoadCheckedAnnotations', num_classes=8),
    dict(type='PackSegInputs')]
model = dict(data_preprocessor=dict(size=size), backbone=dict(frozen_bn='all'))
train_dataloader = dict(
    batch_size=2, num_workers=0, persistent_workers=False,
    dataset=dict(size=size, num_images=16, pipeline=pipeline))
val_dataloader = dict(
    num_workers=0, persistent_workers=False,
    dataset=dict(size=size, num_images=3, pipeline=pipeline))
optim_wrapper = dict(optimizer=dict(lr=5e-4))  # without statistics 0.01 diverges
param_scheduler = [dict(_base_.param_scheduler[0], end=6)]
train_cfg = dict(max_iters=6, val_interval=6)
default_hooks = dict(logger=dict(interval=1))
log_processor = dict(window_size=1)
"""


def shell(*command: object, **env: str) -> subprocess.CompletedProcess:
    """Run a shell script of ``tools`` with this interpreter."""
    own = {'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'}
    return call(*command, env=os.environ | own | env, input='a.png\nb.png\n')


@pytest.mark.slow
def test_dist_train_has_the_curve_of_one_process_with_the_double_batch(
    server: Server, tmp_path
):
    config = tmp_path / 'leaf.py'
    config.write_text(LEAF)
    script = ROOT / 'tools' / 'dist_train.sh'
    done = shell(script, config, 2, '--work-dir', tmp_path / 'two')
    assert done.returncode == 0, done.stdout + done.stderr
    double = ('--cfg-options', 'train_dataloader.batch_size=4')
    server.run(
        TRAIN, config, '--work-dir', tmp_path / 'one', *double, log=tmp_path / 'log'
    )
    one, two = losses(tmp_path / 'one'), losses(tmp_path / 'two')
    assert one.keys() == two.keys() == set(range(1, 7))
    assert [two[step] for step in two] == pytest.approx(list(one.values()), abs=1e-4)
    assert abs(one[6] - one[1]) > 0.01  # it has learnt something to agree on
    # Without the hook that takes the mean, rank 0 logs the loss of its own half.
    alone = ('default_hooks.mean_loss.type=IterTimerHook', 'train_cfg.max_iters=1')
    work_dir = tmp_path / 'alone'
    shell(script, config, 2, '--work-dir', work_dir, '--cfg-options', *alone)
    assert abs(losses(work_dir)[1] - one[1]) > 1e-3


def test_two_processes_test_like_one(server: Server, tmp_path):
    config = write_config(tmp_path, iters=1)
    server.run(TRAIN, config, '--work-dir', tmp_path / 'run', log=tmp_path / 'log')
    command = (TEST, config, tmp_path / 'run' / 'iter_1.pth')
    one = (*command, '--work-dir', tmp_path / 'one')
    assert server.run(*one, log=tmp_path / 'log') == 0
    ranks = start_ranks(server, tmp_path, *command, '--work-dir', tmp_path / 'two')
    assert_all_ended_well(ranks)
    table = (tmp_path / 'log').read_text().split('class ')[-1].split('Iter(test)')[0]
    assert 'mean' in table
    assert table.rsplit('\n', 2)[0] in ranks[0].log.read_text()


@pytest.mark.slow
def test_sync_bn_becomes_plain_bn_on_the_cpu(server: Server, tmp_path):
    sync = "model['backbone'].update(norm_cfg=dict(type='SyncBN'), norm_eval=False)"
    config = write_config(tmp_path, iters=2, extra=sync)
    ranks = start_ranks(server, tmp_path, TRAIN, config, '--work-dir', tmp_path / 'run')
    assert_all_ended_well(ranks)
    assert 'SyncBN needs GPUs' in ranks[0].log.read_text()
    assert weights(tmp_path / 'run' / 'iter_2.pth')['backbone.bn1.running_mean'].any()


@pytest.mark.slow
def test_a_checkpoint_of_two_processes_is_what_they_have_validated(server, tmp_path):
    """Plain BatchNorm: what two validate together is what one tests, to the digit."""
    plain = "model['backbone'].update(norm_eval=False)\ntrain_cfg['val_interval'] = 3"
    config = write_config(tmp_path, iters=3, extra=plain)
    ranks = start_ranks(server, tmp_path, TRAIN, config, '--work-dir', tmp_path / 'two')
    assert_all_ended_well(ranks)
    command = (TEST, config, tmp_path / 'two' / 'iter_3.pth')
    log = tmp_path / 'log'
    assert server.run(*command, '--work-dir', tmp_path / 'one', log=log) == 0
    validated = ranks[0].log.read_text().split('class ')[-1].split('-----')[0]
    assert 'pixels %' in validated
    assert validated in log.read_text()


@pytest.mark.parametrize(
    ('env', 'meeting'),
    [
        ({}, '--standalone'),
        (
            dict(NNODES='2', NODE_RANK='1', MASTER_ADDR='host'),
            '--nnodes=2 --node_rank=1 --master_addr=host --master_port=29500',
        ),
        (
            dict(PORT='1234'),
            '--nnodes=1 --node_rank=0 --master_addr=127.0.0.1 --master_port=1234',
        ),
    ],
)
@pytest.mark.parametrize('name', ['train', 'test'])
def test_the_command_of_the_dist_scripts(tmp_path, name, env, meeting):
    files = ['my config.py'] if name == 'train' else ['my config.py', 'my ckpt.pth']
    script = ROOT / 'tools' / f'dist_{name}.sh'
    done = shell(script, *files, 3, '--a', 'b c', PYTHON=fake_python(tmp_path), **env)
    assert done.stdout.splitlines() == [
        '-m', 'torch.distributed.run', *meeting.split(), '--nproc_per_node=3',
        str(ROOT / 'tools' / f'{name}.py'), *files, '--launcher', 'pytorch',
        '--a', 'b c',
    ]  # fmt: skip


@pytest.mark.parametrize('name', ['train', 'test'])
def test_the_command_of_the_slurm_scripts(tmp_path, name):
    (tmp_path / 'srun').symlink_to(fake_python(tmp_path))
    files = ['my config.py'] if name == 'train' else ['my config.py', 'my ckpt.pth']
    done = shell(
        ROOT / 'tools' / f'slurm_{name}.sh', 'part', 'job', *files, '--a', 'b c',
        PATH=f'{tmp_path}:{os.environ["PATH"]}', PYTHON='py', GPUS='8',
        SRUN_ARGS='--time=1 --signal=USR1@60',
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        '--partition=part', '--job-name=job', '--gres=gpu:4', '--ntasks=8',
        '--ntasks-per-node=4', '--cpus-per-task=5', '--kill-on-bad-exit=1',
        '--time=1', '--signal=USR1@60', 'py', '-u',
        str(ROOT / 'tools' / f'{name}.py'), *files, '--launcher', 'slurm',
        '--a', 'b c',
    ]  # fmt: skip


@pytest.mark.parametrize('model', [['my config.py', 'my ckpt.pth'], ['my model.onnx']])
def test_the_commands_of_the_dist_script_of_predictions(tmp_path, model):
    script, arguments = ROOT / 'tools' / 'dist_infer.sh', ('my in', '--out', 'o')
    done = shell(script, *model, 3, *arguments, PYTHON=fake_python(tmp_path))
    tool = [str(ROOT / 'tools' / 'infer.py'), *model, *arguments]
    assert done.stdout.splitlines() == [
        '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node=3',
        '--max_restarts=0', *tool, *tool,
    ]  # fmt: skip


def test_the_dist_script_of_predictions_hands_its_input_to_all_processes(tmp_path):
    command = (ROOT / 'tools' / 'dist_infer.sh', 'c.py', 'c.pth', 2, '-', '--out', 'o')
    lines = shell(*command, PYTHON=fake_python(tmp_path)).stdout.splitlines()
    assert lines[7:10] == ['c.pth', '--list', lines[9]]
    assert '-' not in lines
    assert not Path(lines[9]).exists()  # it was temporary


NEEDED = dict(dist_train=2, dist_test=3, dist_infer=4, slurm_train=3, slurm_test=4)


@pytest.mark.parametrize('name', NEEDED)
def test_a_missing_argument_prints_the_usage(name):
    done = shell(ROOT / 'tools' / f'{name}.sh', *['x'] * (NEEDED[name] - 1))
    assert done.returncode == 2
    assert done.stderr.startswith('usage: ')
