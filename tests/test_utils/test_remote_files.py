"""Data sets, checkpoints, inputs and results at addresses."""

import os
import sys

import cv2
import numpy as np
import pytest
import torch
from local import serving_folder
from mmengine import fileio
from predicting import smooth_image
from training import train_here, write_config

from mmseg_deeplab.checkpoints import local_file
from mmseg_deeplab.datasets import FolderDataset
from mmseg_deeplab.datasets.scan import scan_dataset
from mmseg_deeplab.inference.input_files import find_inputs
from mmseg_deeplab.inference.output_folder import open_folder, recorded
from mmseg_deeplab.utils.data_file_errors import UnreadableFileError
from mmseg_deeplab.utils.errors import InputError, MissingPackageError
from mmseg_deeplab.utils.remote_files import (
    FsspecBackend,
    RemoteFileError,
    begin_upload,
    upload,
)

pytestmark = pytest.mark.usefixtures('home')
LABEL = np.arange(40 * 72, dtype=np.uint8).reshape(40, 72) % 2


def png(image):
    return cv2.imencode('.png', image[..., ::-1] if image.ndim == 3 else image)[1]


@pytest.fixture
def files():
    return {
        'labels.txt': b'a\nb\n',
        'images/train/x.png': png(smooth_image()).tobytes(),
        'images/train/sub/y.png': png(smooth_image(seed=1)).tobytes(),
        'labels/train/x.png': png(LABEL).tobytes(),
        'labels/train/sub/y.png': png(LABEL).tobytes(),
    }


@pytest.fixture
def in_memory(files, tmp_path):
    root = f'memory://{tmp_path.name}'
    for name, content in files.items():
        fileio.put(content, f'{root}/{name}')
    return root


@pytest.fixture
def web_server(files, tmp_path):
    for name, content in files.items():
        path = tmp_path / 'served' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    with serving_folder(tmp_path / 'served') as address:
        yield address


@pytest.mark.parametrize('place', ['in_memory', 'web_server'])
def test_a_data_set_at_an_address(request, place):
    root = request.getfixturevalue(place)
    steps = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]
    dataset = FolderDataset(data_root=root, split='train', pipeline=steps)
    assert len(dataset) == 2 and dataset.metainfo['classes'] == ('a', 'b')
    sample = dataset[1]
    assert sample['img_path'] == f'{root}/images/train/x.png'
    assert np.array_equal(sample['img'][..., ::-1], smooth_image())
    assert np.array_equal(sample['gt_seg_map'], LABEL)
    report = scan_dataset(dataset, progress=False)
    assert not report.faults and report.pixels[:2].tolist() == [2880, 2880]


def test_a_broken_file_is_found_before_it_is_decoded(in_memory):
    fileio.put(b'%PDF-1.4', f'{in_memory}/images/train/x.png')
    dataset = FolderDataset(data_root=in_memory, split='train', pipeline=[])
    report = scan_dataset(dataset, progress=False)
    (fault,) = report.faults
    assert fault.kind == UnreadableFileError.kind and 'PDF' in fault.message
    assert fault.where == f'{in_memory}/images/train/x.png'


def test_a_file_is_copied_once_and_again_when_it_has_changed(in_memory, tmp_path):
    address = f'{in_memory}/labels.txt'
    first = FsspecBackend().copy_of(address)
    assert FsspecBackend().copy_of(address) == first
    first.write_text('from the cache')
    assert FsspecBackend().get_text(address) == 'from the cache'
    fileio.put(b'new\n', address)
    assert FsspecBackend().get_text(address) == 'new\n'


def test_a_checkpoint_at_an_address(in_memory, tmp_path):
    torch.save({'a': torch.ones(2)}, tmp_path / 'a.pth')
    fileio.put((tmp_path / 'a.pth').read_bytes(), f'{in_memory}/a.pth')
    assert torch.load(local_file(f'{in_memory}/a.pth'))['a'].tolist() == [1, 1]


def test_checkpoints_of_a_training_go_to_an_address(in_memory, tmp_path):
    out = f'{in_memory}/runs'
    options = dict(default_hooks__checkpoint__out_dir=out, train_cfg__max_iters=1)
    train_here(write_config(tmp_path, iters=1), tmp_path / 'run', **options)
    state = torch.load(local_file(f'{out}/run/iter_1.pth'), weights_only=False)
    assert state['meta']['iter'] == 1


def test_inputs_keep_their_names(in_memory):
    found = find_inputs([f'{in_memory}/images'])
    assert [item.name for item in found.files] == ['train/x', 'train/sub/y']
    (one,) = find_inputs([f'{in_memory}/images/train/x.png']).files
    assert one.name == 'x'
    assert np.array_equal(cv2.imread(one.path)[..., ::-1], smooth_image())


def test_inputs_of_several_addresses_are_named_by_their_paths(in_memory):
    names = ('train/x.png', 'train/sub/y.png')
    inputs = [f'{in_memory}/images/{name}' for name in names]
    found = [item.name for item in find_inputs(inputs[:1], listed=inputs[1:]).files]
    assert found == ['x', 'sub/y']
    with pytest.raises(InputError, match=r'memory://a/\.\./\.\./b\.png: holds'):
        find_inputs(['memory://a/../../b.png'])


def test_inputs_that_are_deleted_are_no_inputs(in_memory):
    assert len(find_inputs([f'{in_memory}/images']).files) == 2
    FsspecBackend().remove(f'{in_memory}/images/train/sub/y.png')
    (left,) = find_inputs([f'{in_memory}/images']).files
    assert left.path.endswith('/images/train/x.png')


def test_a_changed_input_replaces_its_link(in_memory):
    (old,) = find_inputs([f'{in_memory}/images/train/x.png']).files
    backend = fileio.get_file_backend(in_memory, enable_singleton=True)
    backend.put(png(LABEL).tobytes(), f'{in_memory}/images/train/x.png')
    # What a process of the same number has left when it was killed.
    os.symlink('gone', os.path.join(os.path.dirname(old.path), f'.{os.getpid()}.link'))
    (new,) = find_inputs([f'{in_memory}/images/train/x.png']).files
    assert new.path == old.path and np.array_equal(cv2.imread(new.path, 0), LABEL)


def test_names_have_no_query(web_server):
    address = f'{web_server}/images/train/x.png?download=1'
    assert FsspecBackend().copy_of(address).name == 'x.png'
    (one,) = find_inputs([address]).files
    assert one.name == 'x' and one.path.endswith('/x.png')


def test_what_the_address_lacks_or_has_changed_is_uploaded_again(in_memory, tmp_path):
    out, names = f'{in_memory}/out', ('a', 'labels/b', 'c')
    (tmp_path / 'out/labels').mkdir(parents=True)
    for name in names:
        (tmp_path / 'out' / name).write_text(name)
    for _ in range(2):
        upload(tmp_path / 'out', out)
    FsspecBackend().remove(f'{out}/a')
    fileio.put(b'kept', f'{out}/labels/b')
    (tmp_path / 'out/c').write_text('new')
    os.utime(tmp_path / 'out/c', (1, 1))  # written before the others were uploaded
    upload(tmp_path / 'out', out)
    found = [FsspecBackend().get_text(f'{out}/{name}') for name in names]
    assert found == ['a', 'kept', 'new']


def test_predictions_made_elsewhere_are_seen(in_memory, web_server):
    out = f'{in_memory}/out'
    assert not (begin_upload(out, 'predict.json') / 'predict.json').exists()
    fileio.put(b'{"root": "/a"}', f'{out}/predict.json')
    folder = begin_upload(out, 'predict.json')
    assert recorded(folder, 'root') == '/a'
    with pytest.raises(InputError, match=r'other settings: root was .*/a.*, is .*/b'):
        open_folder(folder, {'root': '/b'}, overwrite=False)
    with pytest.raises(RemoteFileError, match='Remedy: give a folder'):
        begin_upload(web_server, 'predict.json')


@pytest.mark.parametrize('scheme, package, remedy', [
    ('s3', 's3fs', r'pip install "mmseg-deeplab\[remote\]"'),
    ('gs', 'gcsfs', 'pip install gcsfs'),
])  # fmt: skip
def test_without_the_package_one_line_has_the_remedy(
    scheme, package, remedy, monkeypatch
):
    monkeypatch.setitem(sys.modules, package, None)
    address = f'{scheme}://bucket/a.png'
    with pytest.raises(MissingPackageError, match=remedy) as error:
        FsspecBackend().get(address)
    assert str(error.value).startswith(address)


def test_what_is_not_there_is_named(in_memory, web_server):
    with pytest.raises(FileNotFoundError, match=r'memory://.*none.png'):
        FsspecBackend().get(f'{in_memory}/none.png')
    with pytest.raises(FileNotFoundError, match=r'http://.*none.png'):
        FsspecBackend().get(f'{web_server}/none.png')
    with pytest.raises(RemoteFileError, match=r'http://127.0.0.1:9/a\.png.*Remedy'):
        FsspecBackend().get('http://127.0.0.1:9/a.png')
