"""Safe loading: what runs code is refused, what is broken is named."""

import os
import pickle

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, load_checkpoint

from mmseg_deeplab.checkpoints import enable_safe_loading, load


class Attack:
    """A pickle of this writes a file when it is loaded by plain pickle."""

    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return os.mkdir, (self.target,)


@pytest.fixture
def attack(tmp_path):
    """Return a checkpoint that makes a folder, and the folder."""
    torch.save(
        {'state_dict': {}, 'x': Attack(tmp_path / 'owned')}, tmp_path / 'bad.pth'
    )
    return tmp_path / 'bad.pth', tmp_path / 'owned'


@pytest.fixture
def safe_mmengine(monkeypatch):
    """Switch mmengine to safe loading, and back after the test."""
    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
    enable_safe_loading()


def test_code_is_refused_and_not_run(attack, tmp_path):
    file, owned = attack
    (tmp_path / 'p.pkl').write_bytes(pickle.dumps({'x': Attack(owned)}))
    for name, reason in (('bad.pth', 'refused.*state_dict'), ('p.pkl', '')):
        with pytest.raises(ValueError, match=rf'{name}.*{reason}'):
            load(tmp_path / name)
        assert not owned.exists()
    torch.load(file, weights_only=False)  # the attack is real
    assert owned.is_dir()


class Reach:
    """A pickle of this reads an attribute of a function through ``getattr``."""

    def __reduce__(self):
        return getattr, (HistoryBuffer.mean, '__globals__')


def test_getattr_reaches_nothing_but_statistics(tmp_path):
    torch.save({'x': Reach()}, tmp_path / 'reach.pth')
    with pytest.raises(ValueError, match='refused'):
        load(tmp_path / 'reach.pth')


def test_mmengine_refuses_too(attack, safe_mmengine):
    file, owned = attack
    with pytest.raises(ValueError, match='refused'):
        load_checkpoint(torch.nn.Linear(1, 1), str(file))
    assert not owned.exists()


def test_what_mmengine_saves_loads(tmp_path):
    buffer = HistoryBuffer()
    buffer.update(0.5)
    saved = dict(
        state_dict=torch.nn.Linear(2, 2).state_dict(),
        message_hub=dict(log_scalars={'train/loss': buffer}, runtime_info={'iter': 3}),
        meta=dict(seed=np.int64(3), classes=('a', 'b'), palette=np.zeros((2, 3), 'u1')),
    )
    torch.save(saved, tmp_path / 'iter_3.pth')
    loaded = load(tmp_path / 'iter_3.pth')
    assert loaded['message_hub']['log_scalars']['train/loss'].current() == 0.5
    assert loaded['meta']['seed'] == 3


def test_other_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        load(tmp_path / 'none.pth')
    torch.save(torch.zeros(2), tmp_path / 'tensor.pth')
    with pytest.raises(ValueError, match='not a dictionary'):
        load(tmp_path / 'tensor.pth')


@pytest.mark.parametrize('zip_format', [True, False])
@pytest.mark.parametrize('keep', [0.0, 0.3, 0.99])
def test_truncated_files_are_named(tmp_path, keep, zip_format):
    file, state = tmp_path / 'cut.pth', {'weight': torch.randn(4000)}
    torch.save(state, file, _use_new_zipfile_serialization=zip_format)
    assert torch.equal(load(file)['weight'], state['weight'])
    file.write_bytes(file.read_bytes()[: int(keep * file.stat().st_size)])
    with pytest.raises(ValueError, match=r'cut\.pth .*not a whole checkpoint'):
        load(file)
