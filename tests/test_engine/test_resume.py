"""A resumed training is the same training."""

import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from training import losses, same_weights, scalars, train_here, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.run_setup import build_runner, prepare_training
from mmseg_deeplab.engine import newest_whole_checkpoint
from mmseg_deeplab.engine.resume import numbered_checkpoints

STATE = {'meta': {'iter': 1, 'seed': 7}, 'state_dict': {}, 'message_hub': {}}


def save(path: Path, content: dict | None = None) -> Path:
    """Save a training state, large enough to be cut short."""
    torch.save((content or STATE) | {'weight': torch.arange(1000.0)}, path)
    return path


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    where = content.index(torch.arange(1000.0).numpy().tobytes()[100:200])
    content[where] ^= 1
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b'')


def test_the_highest_number_wins_not_the_last_in_the_alphabet(tmp_path):
    for number in (9, 10, 2):
        save(tmp_path / f'iter_{number}.pth')
    for other in ('iter_11.pth.tmp', 'iter_x.pth', 'epoch_12.pth', 'best_iter_13.pth'):
        save(tmp_path / other)
    found = newest_whole_checkpoint(tmp_path)
    assert found.path.name == 'iter_10.pth'
    assert newest_whole_checkpoint(tmp_path, 'epoch_{}.pth').path.name == 'epoch_12.pth'
    assert newest_whole_checkpoint(tmp_path / 'absent') is None
    assert found.meta['seed'] == 7
    assert [number for number, _ in numbered_checkpoints(tmp_path)] == [2, 9, 10]


@pytest.mark.parametrize('harm', [truncate, flip_a_byte, empty])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, harm):
    save(tmp_path / 'iter_1.pth')
    harm(save(tmp_path / 'iter_2.pth'))
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'iter_2.pth'))
    assert newest_whole_checkpoint(tmp_path).path.name == 'iter_1.pth'


class Code:
    """Would run code when unpickled."""

    def __reduce__(self):
        return print, ('code was run',)


def test_a_whole_file_that_would_run_code_is_an_error(tmp_path, capsys):
    save(tmp_path / 'iter_1.pth')
    save(tmp_path / 'iter_2.pth', STATE | {'code': Code()})
    with pytest.raises(ValueError, match=r'iter_2\.pth.*refused'):
        newest_whole_checkpoint(tmp_path)
    assert 'code was run' not in capsys.readouterr().out


@pytest.fixture(scope='module')
def straight(tmp_path_factory) -> Path:
    """Return a folder with a config and an uninterrupted training of 6 iterations."""
    folder = tmp_path_factory.mktemp('straight')
    train_here(write_config(folder, interval=3), folder / 'run')
    return folder


@pytest.fixture
def half(straight, tmp_path) -> Path:
    """Return the work folder of the same training, ended after 3 iterations."""
    train_here(straight / 'tiny.py', tmp_path / 'run', train_cfg__max_iters=3)
    return tmp_path / 'run'


def test_twice_n_iterations_equal_n_and_n_after_a_resume(straight, half):
    train_here(straight / 'tiny.py', half, resume=True)
    assert same_weights(half / 'iter_6.pth', straight / 'run' / 'iter_6.pth')
    assert losses(half) == losses(straight / 'run')
    one, other = (
        torch.load(folder / 'iter_6.pth', weights_only=False)
        for folder in (half, straight / 'run')
    )
    assert one['param_schedulers'] == other['param_schedulers']
    states = (checkpoint['optimizer']['state'].values() for checkpoint in (one, other))
    for mine, theirs in zip(*states, strict=True):
        assert torch.equal(mine['momentum_buffer'], theirs['momentum_buffer'])


def test_a_truncated_newer_file_from_elsewhere_does_no_harm(straight, half):
    shutil.copy(half / 'iter_3.pth', half / 'iter_5.pth')
    truncate(half / 'iter_5.pth')
    runner = train_here(straight / 'tiny.py', half, resume=True)
    assert runner._load_from == str(half / 'iter_3.pth')
    log = (Path(runner.log_dir) / f'{runner.timestamp}.log').read_text()
    assert f'{half / "iter_5.pth"} is passed over' in log
    assert same_weights(half / 'iter_6.pth', straight / 'run' / 'iter_6.pth')


class Samples(Hook):
    """Notes which images each iteration has seen."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.names += [Path(s.img_path).name for s in data_batch['data_samples']]


def test_without_a_seed_the_order_of_samples_goes_on(straight, tmp_path):
    config, before, after = straight / 'tiny.py', Samples(), Samples()
    unseeded = {'randomness__seed': None}
    first = train_here(
        config, tmp_path, train_cfg__max_iters=3, hooks=[before], **unseeded
    )
    resumed = train_here(config, tmp_path, resume=True, hooks=[after], **unseeded)
    assert resumed.seed == first.seed
    # 8 images, 6 iterations of 2: the first 8 samples are one pass over all.
    assert sorted(before.names + after.names[:2]) == [f'{i}.png' for i in range(8)]


def test_a_resume_reads_no_sample_twice(straight, half, monkeypatch):
    from mmseg.datasets import BaseSegDataset

    read = []
    prepare = BaseSegDataset.prepare_data
    monkeypatch.setattr(
        BaseSegDataset,
        'prepare_data',
        lambda self, index: read.append(index) or prepare(self, index),
    )
    train_here(straight / 'tiny.py', half, resume=True, val_dataloader=None,
               val_cfg=None, val_evaluator=None)  # fmt: skip
    assert len(read) == 3 * 2  # iterations x batch size


def test_nothing_to_resume_from_starts_from_scratch_and_says_so(straight, tmp_path):
    runner = train_here(straight / 'tiny.py', tmp_path, resume=True)
    log = (Path(runner.log_dir) / f'{runner.timestamp}.log').read_text()
    assert f'Nothing to resume from in {tmp_path}' in log
    assert same_weights(tmp_path / 'iter_6.pth', straight / 'run' / 'iter_6.pth')


def test_load_from_is_where_the_first_start_begins_only(straight, half):
    other = half.parent / 'other'
    options = {'load_from': str(half / 'iter_3.pth'), 'train_cfg__max_iters': 3}
    first = train_here(straight / 'tiny.py', other, resume=True, **options)
    assert losses(other)[1] != losses(half)[1]
    assert first.iter == 3
    options['train_cfg__max_iters'] = 4
    second = train_here(straight / 'tiny.py', other, resume=True, **options)
    assert second._load_from == str(other / 'iter_3.pth')


def test_a_validation_that_may_have_been_missed_is_made_first(straight, half):
    def validated(folder: Path) -> list[int]:
        return [
            entry['step'] for entry in scalars(folder) if entry.get('mIoU') is not None
        ]

    assert validated(half) == [3]
    train_here(straight / 'tiny.py', half, resume=True, train_cfg__val_interval=3)
    assert validated(half) == [3, 3, 6]


BY_EPOCH = """
train_dataloader['sampler'] = dict(type='DefaultSampler', shuffle=True)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=3, val_interval=2)
param_scheduler = []
log_processor = dict(by_epoch=True)
default_hooks['checkpoint'] = dict(by_epoch=True, interval=1)
"""


def test_training_by_epochs_goes_on_from_the_newest_epoch(tmp_path):
    config = write_config(tmp_path, extra=BY_EPOCH)
    train_here(config, tmp_path / 'straight')
    train_here(config, tmp_path / 'run', train_cfg__max_epochs=2)
    runner = train_here(config, tmp_path / 'run', resume=True)
    assert runner._load_from.endswith('run/epoch_2.pth')
    assert same_weights(
        tmp_path / 'run' / 'epoch_3.pth', tmp_path / 'straight' / 'epoch_3.pth'
    )


def resume_from(config: Path, path: Path, work_dir: Path) -> None:
    """Resume in a new folder from a checkpoint that is named."""
    cfg = read_config(config, work_dir=work_dir)
    cfg.experiment_name = cfg.visualizer.name = path.name
    prepare_training(cfg, resume=True, resume_from=str(path))
    build_runner(cfg).train()


def test_a_named_file_is_where_a_resume_goes_on(straight, half, tmp_path):
    new = tmp_path / 'new'
    resume_from(straight / 'tiny.py', half / 'iter_3.pth', new)
    assert same_weights(new / 'iter_6.pth', straight / 'run' / 'iter_6.pth')


def test_weights_cannot_be_resumed_by_name(straight, tmp_path):
    path = save(tmp_path / 'weights.pth', {'state_dict': {}})
    with pytest.raises(ValueError, match=r'weights\.pth: cannot be resumed'):
        resume_from(straight / 'tiny.py', path, tmp_path / 'new')
