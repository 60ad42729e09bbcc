"""Safe loading: what runs code is refused, what is broken is named."""

import contextlib
import hashlib
import os
import pickle
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from mmseg_deeplab.checkpoints import load


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


def test_code_is_refused_and_not_run(attack, tmp_path):
    file, owned = attack
    (tmp_path / 'p.pkl').write_bytes(pickle.dumps({'x': Attack(owned)}))
    for name, reason in (('bad.pth', 'refused.*state_dict'), ('p.pkl', '')):
        with pytest.raises(ValueError, match=rf'{name}.*{reason}'):
            load(tmp_path / name)
        assert not owned.exists()
    with zipfile.ZipFile(file) as archive, contextlib.suppress(pickle.UnpicklingError):
        pickle.loads(archive.read('bad/data.pkl'))  # the attack is real
    assert owned.is_dir()


class Reach:
    """A pickle of this reads an attribute of a function through ``getattr``."""

    def __reduce__(self):
        return getattr, (HistoryBuffer.mean, '__globals__')


def test_getattr_reaches_nothing_but_statistics(tmp_path):
    torch.save({'x': Reach()}, tmp_path / 'reach.pth')
    with pytest.raises(ValueError, match='refused'):
        load(tmp_path / 'reach.pth')


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


def plain(value):
    """Return a value in a form that ``==`` compares: types, shapes, elements."""
    if isinstance(value, torch.Tensor):
        return value.dtype, value.stride(), value.tolist()
    if isinstance(value, np.ndarray):
        return value.dtype, value.tolist()
    if isinstance(value, HistoryBuffer):
        return [plain(part) for part in value.data]
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return type(value), [(key, plain(one)) for key, one in value.items()]
    return type(value), value


def everything() -> dict:
    """Return a checkpoint with all that others put into theirs."""
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.randn(2, 2, 4, 4)).sum().backward()
    optimizer.step()
    tensors = {
        str(dtype): torch.arange(3).to(dtype)
        for dtype in (torch.bfloat16, torch.half, torch.uint8, torch.bool, torch.uint16,
                      torch.int16, torch.complex64, torch.double, torch.float8_e4m3fn)
    }  # fmt: skip
    tensors['torch.float8_e4m3fn'] = tensors['torch.float8_e4m3fn'].view(torch.uint8)
    shared = torch.arange(10.0)
    noted, parameter = torch.ones(2), torch.nn.Parameter(torch.ones(2))
    noted.note = parameter.note = 'what a program wants to remember'
    return dict(
        tensors,
        state_dict=network.state_dict(),
        optimizer=optimizer.state_dict(),
        views=OrderedDict(whole=shared, part=shared[2:5], turned=torch.ones(2, 3).t()),
        small=dict(a=torch.empty(0), b=torch.tensor(3.0), c=torch.ones(1).expand(4)),
        noted=[noted, parameter, torch.nn.Parameter(torch.zeros(1))],
        log=HistoryBuffer([0.5, 0.25], [1, 2]),
        array=np.array([[1, 2], [3, 4]], order='F'),
        scalar=np.float64(0.5),
        plain=[None, True, 2**70, -3, 0.1, 'ä', b'\xff', (1, 'a'), {1, 2}, 1 + 2j],
        counts=Counter({30: 1}),
        torch=[torch.Size((2, 3)), torch.float32, torch.device('cpu')],
    )


@pytest.mark.parametrize('form', [{}, dict(_use_new_zipfile_serialization=False)])
def test_all_that_others_save_is_read_as_torch_reads_it(tmp_path, form):
    saved = everything()
    torch.save(saved, tmp_path / 'net.pth', **form)
    read = load(tmp_path / 'net.pth')
    assert plain(read) == plain(saved)
    for name in ('state_dict', 'optimizer', 'views', 'small'):
        assert plain(read[name]) == plain(saved[name])
    assert read['state_dict']._metadata == saved['state_dict']._metadata
    whole, part = (read['views'][name].data_ptr() for name in ('whole', 'part'))
    assert part == whole + 2 * 4  # still one memory


@pytest.mark.parametrize('form', [{}, dict(_use_new_zipfile_serialization=False)])
def test_tensors_go_where_they_are_wanted(tmp_path, form):
    torch.save({'w': torch.ones(2)}, tmp_path / 'net.pth', **form)
    assert load(tmp_path / 'net.pth', map_location='meta')['w'].is_meta
    places = []

    def note(storage, place):
        places.append((len(storage), place))
        return storage

    loaded = load(tmp_path / 'net.pth', map_location=note)['w']
    assert (places, loaded.tolist()) == ([(8, 'cpu')], [1, 1])


@pytest.mark.parametrize('harm', ['flip', 'zeros'])
def test_damage_anywhere_changes_no_weight(tmp_path, harm):
    """A file of torch.save has a checksum of each entry.

    16 zeros may hide it together with the size that it belongs to.
    """
    file, state = tmp_path / 'net.pth', {'w': torch.arange(64.0), 'b': torch.ones(3)}
    torch.save(state, file)
    good, wrong = file.read_bytes(), []
    for place in range(0, len(good), 5):
        bad = bytearray(good)
        if harm == 'flip':
            bad[place] ^= 1 << place % 8
        else:
            bad[place : place + 16] = bytes(len(bad[place : place + 16]))
        file.write_bytes(bad)
        try:
            read = load(file)
        except ValueError as error:
            assert 'net.pth' in str(error)
        else:
            if read.keys() != state.keys() or not all(
                torch.equal(read[key], state[key]) for key in state
            ):
                wrong.append(place)
    assert wrong == []


def test_a_published_name_is_the_hash_of_the_file(tmp_path):
    file = tmp_path / 'net.pth'
    torch.save({'w': torch.ones(2)}, file)
    digits = hashlib.sha256(file.read_bytes()).hexdigest()[:8]
    good = file.rename(tmp_path / f'net-{digits}.pth')
    assert load(good)['w'].tolist() == [1, 1]
    with pytest.raises(ValueError, match=f'begins with {digits}, not with acadc2f8'):
        load(good.rename(tmp_path / 'net-acadc2f8.pth'))
