"""A resumed training is the same training."""

import copy
import os
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from training import (
    BY_EPOCH,
    log_of,
    losses,
    same_weights,
    scalars,
    train_here,
    write_config,
)

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.engine import newest_whole_checkpoint
from mmseg_deeplab.engine.resume import numbered_checkpoints

STATE = {'meta': {'iter': 1, 'seed': 7}, 'state_dict': {}, 'message_hub': {}}


def save(path: Path, content: dict | None = None) -> Path:
    """Save a training state, large enough to be cut short."""
    torch.save((content or STATE) | {'weight': torch.arange(1000.0)}, path)
    return path


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    where = content.index(torch.arange(1000.0).numpy().tobytes()[100:200])
    content[where] ^= 1
    path.write_bytes(content)


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


@pytest.mark.parametrize('harm', [truncate, flip_a_byte, lambda p: os.truncate(p, 0)])
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
    assert runner.loaded_from == str(half / 'iter_3.pth')
    assert f'{half / "iter_5.pth"} is passed over' in log_of(half)
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

    class Forget(Hook):
        def before_train(self, runner) -> None:
            read.clear()  # what the checks before the training have read

    train_here(straight / 'tiny.py', half, resume=True, val_dataloader=None,
               val_cfg=None, val_evaluator=None, hooks=[Forget()])  # fmt: skip
    assert len(read) == 3 * 2  # iterations x batch size


def test_nothing_to_resume_from_starts_from_scratch_and_says_so(straight, tmp_path):
    train_here(straight / 'tiny.py', tmp_path, resume=True)
    assert f'Nothing to resume from in {tmp_path}' in log_of(tmp_path)
    assert same_weights(tmp_path / 'iter_6.pth', straight / 'run' / 'iter_6.pth')


def test_load_from_is_where_the_first_start_begins_only(straight, half):
    other = half.parent / 'other'
    options = {'load_from': str(half / 'iter_3.pth'), 'train_cfg__max_iters': 3}
    first = train_here(straight / 'tiny.py', other, resume=True, **options)
    assert losses(other)[1] != losses(half)[1]
    assert first.iter == 3
    options['train_cfg__max_iters'] = 4
    second = train_here(straight / 'tiny.py', other, resume=True, **options)
    assert second.loaded_from == str(other / 'iter_3.pth')


def test_a_validation_that_may_have_been_missed_is_made_first(straight, half):
    def validated(folder: Path) -> list[int]:
        return [entry['step'] for entry in scalars(folder) if 'mIoU' in entry]

    assert validated(half) == [3]
    train_here(straight / 'tiny.py', half, resume=True, train_cfg__val_interval=3)
    assert validated(half) == [3, 3, 6]


def test_training_by_epochs_goes_on_from_the_newest_epoch(tmp_path):
    config = write_config(tmp_path, extra=BY_EPOCH)
    train_here(config, tmp_path / 'straight')
    train_here(config, tmp_path / 'run', train_cfg__max_epochs=2)
    runner = train_here(config, tmp_path / 'run', resume=True)
    assert runner.loaded_from.endswith('run/epoch_2.pth')
    assert same_weights(
        tmp_path / 'run' / 'epoch_3.pth', tmp_path / 'straight' / 'epoch_3.pth'
    )


def test_a_named_file_is_where_a_resume_goes_on(straight, half, tmp_path):
    new = tmp_path / 'new'
    train_here(straight / 'tiny.py', new, resume_from=half / 'iter_3.pth')
    assert same_weights(new / 'iter_6.pth', straight / 'run' / 'iter_6.pth')


def test_weights_cannot_be_resumed_by_name(straight, tmp_path):
    path = save(tmp_path / 'weights.pth', {'state_dict': {}})
    with pytest.raises(ValueError, match=r'weights\.pth: cannot be resumed'):
        train_here(straight / 'tiny.py', tmp_path / 'new', resume_from=path)


def changed(path: Path, **parts) -> None:
    """Save a checkpoint again with some of its parts replaced.

    ``meta__seed=3`` replaces the part ``seed`` of ``meta``.
    """
    content = load(path)
    for name, value in parts.items():
        *parents, last = name.split('__')
        part = content
        for parent in parents:
            part = part[parent]
        part[last] = value
    torch.save(content, path)


def test_the_config_in_a_checkpoint_is_not_run(straight, half):
    code = f'import os; os.mkdir({str(half / "owned")!r})'
    changed(half / 'iter_3.pth', meta__config=code, meta__cfg=code,
            message_hub__runtime_info__cfg=code)  # fmt: skip
    runner = train_here(straight / 'tiny.py', half, resume=True)
    assert not (half / 'owned').exists() and runner.iter == 6
    runner.load_checkpoint(str(half / 'iter_3.pth'))
    Runner.resume(runner, str(half / 'iter_3.pth'))  # mmengine's own
    assert not (half / 'owned').exists()


def best(folder: Path, name: str = 'best_mIoU_iter_2.pth') -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b'the best')
    return path


@pytest.mark.parametrize('hook', ['TrustedCheckpointHook', 'CheckpointHook'])
def test_a_copied_folder_keeps_the_best_checkpoint_of_the_original(
    straight, half, tmp_path, hook
):
    """It removes its own: the copy of the best, when a better one has been saved."""
    original = best(half)
    other = best(tmp_path / 'elsewhere', 'best_notes.pth')
    changed(half / 'iter_3.pth', message_hub__runtime_info__best_ckpt=str(original),
            message_hub__runtime_info__best_score=-1.0)  # fmt: skip
    copied = tmp_path / 'copy'
    shutil.copytree(half, copied)
    options = dict(
        default_hooks__checkpoint__type=hook,
        default_hooks__checkpoint__save_best='mIoU',
        train_cfg__val_interval=3,
    )
    train_here(straight / 'tiny.py', copied, resume=True, **options)
    assert original.read_bytes() == other.read_bytes() == b'the best'
    (kept,) = copied.glob('best_*')
    assert kept.name in ('best_mIoU_iter_3.pth', 'best_mIoU_iter_6.pth')


@pytest.mark.parametrize('target', ['elsewhere/best_x.pth', 'run/notes.pth', '..', ''])
def test_nothing_but_an_own_best_checkpoint_is_removed(
    straight, half, tmp_path, target
):
    kept = best(tmp_path / 'elsewhere', 'best_x.pth')
    notes = best(half, 'notes.pth')
    (half / 'best_link.pth').symlink_to(kept)
    changed(
        half / 'iter_3.pth',
        message_hub__runtime_info__best_ckpt=str(tmp_path / target),
        message_hub__runtime_info__best_score=-1.0,
        superseded=['../elsewhere/best_x.pth', 'notes.pth', str(kept), 7, '..'],
    )
    options = dict(default_hooks__checkpoint__save_best='mIoU')
    options |= dict(train_cfg__val_interval=3)
    train_here(straight / 'tiny.py', half, resume=True, **options)
    assert kept.read_bytes() == notes.read_bytes() == b'the best'


NESTED = [[]]
for _ in range(100):  # 2**100 ways to the innermost
    NESTED = [NESTED, NESTED]


@pytest.mark.parametrize(
    ('part', 'value'),
    [
        ('meta', []),
        ('meta__iter', '../3'),
        ('meta__iter', -1),
        ('meta__epoch', 0.5),
        ('meta__seed', 'x'),
        ('meta__seed', True),
        ('meta__dataset_meta', NESTED),
        ('message_hub', 'x'),
        ('message_hub__runtime_info', [1]),
        ('message_hub__runtime_info', {1: 2}),
        ('message_hub__runtime_info__best_ckpt', 3),
        ('message_hub__runtime_info__keep_ckpt_ids', ['../../notes']),
        ('message_hub__runtime_info__keep_ckpt_ids', 'ab'),
        ('message_hub__runtime_info__x', NESTED),
        ('message_hub__resumed_keys', None),
        ('message_hub__log_scalars', {'train/loss': 'x'}),
        ('message_hub__log_scalars', {'train/loss': {'log': torch.ones(2)}}),
    ],
    ids=range(17),
)
def test_a_training_state_of_another_form_is_refused(tmp_path, part, value):
    hub = dict(log_scalars={}, runtime_info={}, resumed_keys={})
    save(tmp_path / 'iter_1.pth', copy.deepcopy(STATE) | {'message_hub': hub})
    changed(tmp_path / 'iter_1.pth', **{part: value})
    with pytest.raises(ValueError, match=r'iter_1\.pth: cannot be resumed, its m'):
        newest_whole_checkpoint(tmp_path)


def test_log_buffers_are_saved_as_tensors(straight, half):
    """So torch reads a checkpoint of ours without any allowance."""
    content = torch.load(half / 'iter_3.pth', weights_only=True)
    scalars = content['message_hub']['log_scalars']
    assert {type(one) for packed in scalars.values() for one in packed.values()} == {
        torch.Tensor
    }
    runner = train_here(straight / 'tiny.py', half, resume=True)
    logged = runner.message_hub.log_scalars['train/loss'].data[0]
    assert logged[:3].tolist() == scalars['train/loss']['log'].tolist()


def test_a_one_cycle_training_is_saved_as_plain_data_and_resumed(tmp_path):
    """Its scheduler would save a function, which no safe reader loads."""
    cycle = dict(type='OneCycleLR', eta_max=0.1, total_steps=6, by_epoch=False)
    extra = f'param_scheduler = [{cycle!r}]'
    config = write_config(tmp_path, interval=3, extra=extra)
    train_here(config, tmp_path / 'whole')
    train_here(config, tmp_path / 'halves', train_cfg__max_iters=3)
    torch.load(tmp_path / 'halves' / 'iter_3.pth', weights_only=True)
    train_here(config, tmp_path / 'halves', resume=True)
    one, other = (tmp_path / name / 'iter_6.pth' for name in ('whole', 'halves'))
    assert same_weights(one, other)
    assert 'anneal_func' not in log_of(tmp_path / 'halves')
