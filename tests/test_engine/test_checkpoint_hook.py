"""What stands in the work folder during and after a training."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from training import log_of, train_here, write_config

from mmseg_deeplab.engine import TrustedCheckpointHook


class Watch(Hook):
    """Notes the checkpoints that are on the disk whenever one is about to be saved."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[list[str]] = []

    def before_save_checkpoint(self, runner, checkpoint) -> None:
        self.seen.append(sorted(path.name for path in self.folder.glob('*.pth')))


def test_the_older_checkpoint_is_there_while_the_newer_is_saved(tmp_path):
    watch = Watch(tmp_path / 'run')
    train_here(
        write_config(tmp_path, iters=3),
        tmp_path / 'run',
        default_hooks__checkpoint__max_keep_ckpts=1,
        hooks=[watch],
    )
    assert watch.seen == [[], ['iter_1.pth'], ['iter_2.pth']]
    assert [path.name for path in (tmp_path / 'run').glob('*.pth')] == ['iter_3.pth']


class Improve(Hook):
    """Makes each validation better than the one before."""

    priority = 'HIGHEST'

    def after_val_epoch(self, runner, metrics=None) -> None:
        metrics['mIoU'] = runner.iter


def test_the_older_best_checkpoint_is_there_while_the_newer_is_saved(tmp_path):
    watch = Watch(tmp_path / 'run')
    train_here(
        write_config(tmp_path, iters=2, interval=2),
        tmp_path / 'run',
        default_hooks__checkpoint__save_best='mIoU',
        train_cfg__val_interval=1,
        hooks=[watch, Improve()],
    )
    both = [f'best_mIoU_iter_{i}.pth' for i in (1, 2)]
    assert watch.seen[-1] == [*both, 'iter_2.pth']
    best = [path.name for path in (tmp_path / 'run').glob('best*')]
    assert best == ['best_mIoU_iter_2.pth']


def test_an_older_checkpoint_whose_removal_was_killed_is_removed_later(tmp_path):
    """Put back what the second save has removed, as if killed just before that."""
    config, folder = write_config(tmp_path, iters=3), tmp_path / 'run'
    options = {'default_hooks__checkpoint__max_keep_ckpts': 1}
    train_here(config, folder, train_cfg__max_iters=2, **options)
    shutil.copy(folder / 'iter_2.pth', folder / 'iter_1.pth')
    train_here(config, folder, resume=True, **options)
    assert [path.name for path in folder.glob('*.pth')] == ['iter_3.pth']


def test_leftovers_are_removed_and_other_trainings_set_aside(tmp_path):
    folder = tmp_path / 'run'
    folder.mkdir()
    for name in ('.iter_4.pth.99.part', 'iter_9.pth', 'best_mIoU_iter_9.pth'):
        (folder / name).write_bytes(b'x')
    train_here(write_config(tmp_path, iters=1), folder)
    assert not list(folder.glob('.*.part'))
    moved = list(folder.glob('superseded_*/*'))
    assert [path.name for path in moved] == ['iter_9.pth']
    assert [path.name for path in folder.glob('iter_*')] == ['iter_1.pth']


class Block(Hook):
    """Puts a folder where the second checkpoint is to be."""

    def after_train_iter(self, runner, **kwargs) -> None:
        (Path(runner.work_dir) / 'iter_2.pth').mkdir(exist_ok=True)


def test_a_save_that_fails_ends_the_training_and_keeps_the_checkpoint(tmp_path):
    folder = tmp_path / 'run'
    with pytest.raises(OSError, match=r'iter_2\.pth: could not be written.*free space'):
        train_here(
            write_config(tmp_path, iters=3),
            folder,
            default_hooks__checkpoint__max_keep_ckpts=1,
            hooks=[Block()],
        )
    assert not list(folder.glob('.*.part'))
    assert torch.load(folder / 'iter_1.pth', weights_only=False)['meta']['iter'] == 1


def test_checkpoints_between_optimizer_steps_are_warned_of(tmp_path):
    config, options = write_config(tmp_path, iters=2), dict(accumulative_counts=2)
    train_here(config, tmp_path / 'run', optim_wrapper=options)
    assert 'multiple of 2' in log_of(tmp_path / 'run')


@pytest.mark.parametrize(
    ('arguments', 'backend'),
    [
        ({}, {'backend': 'atomic_local'}),
        ({'out_dir': '/x'}, {'backend': 'atomic_local'}),
        ({'out_dir': 's3://x'}, None),
        ({'backend_args': {'backend': 'local'}}, {'backend': 'local'}),
    ],
)
def test_the_atomic_backend_is_the_default_on_the_local_disk(arguments, backend):
    assert TrustedCheckpointHook(interval=1, **arguments).backend_args == backend


def test_the_resume_looks_into_the_out_dir(tmp_path):
    config = write_config(tmp_path, iters=2)
    options = {'default_hooks__checkpoint__out_dir': str(tmp_path / 'out')}
    train_here(config, tmp_path / 'run', train_cfg__max_iters=1, **options)
    assert (tmp_path / 'out' / 'run' / 'iter_1.pth').exists()
    runner = train_here(config, tmp_path / 'run', resume=True, **options)
    assert 'out/run/iter_1.pth' in runner.loaded_from


def test_the_best_checkpoint_may_be_that_of_one_class(tmp_path):
    extra = "train_cfg['val_interval'] = 1"
    config = write_config(tmp_path, iters=2, interval=2, extra=extra)
    options = {'default_hooks__checkpoint__save_best': 'IoU.car'}
    with pytest.raises(ValueError, match=r"no class 'car'.*IoU.* a, b"):
        train_here(config, tmp_path / 'run', **options)
    assert not list((tmp_path / 'run').glob('*.pth'))
    options = {'default_hooks__checkpoint__save_best': 'IoU.b'}
    runner = train_here(config, tmp_path / 'run', **options)
    (best,) = (tmp_path / 'run').glob('best_IoU.b_iter_*.pth')
    (metric,) = runner.val_loop.evaluator.metrics
    saved = torch.load(best, weights_only=False)['message_hub']['runtime_info']
    last = metric.report['per_class']['b']['IoU']
    assert saved['best_score'] >= last or best.name.endswith('_2.pth')


def test_the_log_ends_with_the_best_checkpoint(tmp_path):
    config = write_config(tmp_path, iters=3, interval=3)
    options = dict(default_hooks__checkpoint__save_best='mIoU')
    run = tmp_path / 'run'
    train_here(config, run, hooks=[Improve()], train_cfg__val_interval=2, **options)
    last = log_of(run).splitlines()[-1]
    path = run / 'best_mIoU_iter_3.pth'
    assert last.endswith(f'The best mIoU is 3.00, at step 3: {path}')
    assert path.is_file()


class Stagnate(Improve):
    """Gives every validation but the first the same result."""

    def after_val_epoch(self, runner, metrics=None) -> None:
        metrics['mIoU'] = 40 if runner.iter == 1 else 50


def test_early_stopping_ends_a_training_that_no_longer_improves(tmp_path):
    runner = train_here(
        write_config(tmp_path, iters=12, interval=12),
        tmp_path / 'run',
        mixins=['early_stopping'],
        hooks=[Stagnate()],
        train_cfg__val_interval=1,
    )
    assert runner.iter == 7  # the second was the best, five more were not
