"""Files appear whole under their name, or not at all."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from local import largest_file
from mmengine.fileio import get_file_backend

from mmseg_deeplab.engine.hooks.trusted_checkpoint import AtomicLocalBackend
from mmseg_deeplab.utils.atomic_files import remove_parts, write_whole


def test_put_replaces_the_content_and_leaves_nothing_else(tmp_path):
    path = tmp_path / 'new' / 'file'
    backend = get_file_backend(tmp_path, backend_args={'backend': 'atomic_local'})
    assert isinstance(backend, AtomicLocalBackend)
    backend.put(b'old', path)
    backend.put_text('n\u00e9w', path)
    assert path.read_bytes() == 'n\u00e9w'.encode()
    assert os.listdir(path.parent) == ['file']


def test_put_gives_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / 'plain').write_bytes(b'')
    AtomicLocalBackend().put(b'', tmp_path / 'file')
    assert (tmp_path / 'file').stat().st_mode == (tmp_path / 'plain').stat().st_mode


def test_a_full_disk_is_an_error_that_keeps_the_old_file(tmp_path):
    path = tmp_path / 'iter_1.pth'
    path.write_bytes(b'old')
    message = r'iter_1\.pth.*8192 bytes.*too large.*free'
    with pytest.raises(OSError, match=message), largest_file(4096):
        write_whole(bytes(8192), path)
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['iter_1.pth']


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(OSError, match=r'file/iter_1\.pth.*--work-dir'):
        write_whole(b'', tmp_path / 'file' / 'iter_1.pth')


def _write_for_ever(path: Path, size: int) -> None:
    for version in range(256):
        write_whole(bytes([version]) * size, path)
    os._exit(1)


def _holds_a_part(folder: Path) -> bool:
    with suppress(FileNotFoundError):  # it has just become the file
        return any(part.stat().st_size for part in folder.glob('.*.part'))
    return False


def test_a_write_killed_in_the_middle_leaves_the_file_as_it_was(tmp_path):
    path, size = tmp_path / 'iter_1.pth', 2**25
    write_whole(bytes(size), path)
    for milliseconds in range(0, 40, 4):
        if (writer := os.fork()) == 0:
            _write_for_ever(path, size)
        while not _holds_a_part(tmp_path):
            time.sleep(0.0005)
        time.sleep(milliseconds / 1000)
        os.kill(writer, signal.SIGKILL)
        assert os.waitpid(writer, 0)[1] == signal.SIGKILL
        content = path.read_bytes()
        assert content == content[:1] * size
    assert remove_parts(tmp_path), 'no kill came in the middle of a write'
    assert os.listdir(tmp_path) == ['iter_1.pth']


def test_a_reader_never_sees_half_a_file(tmp_path):
    path, size = tmp_path / 'iter_1.pth', 2**25
    write_whole(bytes(size), path)
    if (writer := os.fork()) == 0:
        _write_for_ever(path, size)
    end, sizes, files = time.monotonic() + 300, set(), set()
    while len(files) < 4 and time.monotonic() < end:
        stat = path.stat()
        sizes.add(stat.st_size)
        files.add(stat.st_mtime_ns)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    assert sizes == {size}
    assert len(files) == 4, 'too little was written meanwhile'


def test_remove_parts_spares_other_files(tmp_path):
    for name in ('.iter_1.pth.7.part', 'iter_1.pth', 'data.part', '.hidden'):
        (tmp_path / name).touch()
    assert remove_parts(tmp_path) == ['.iter_1.pth.7.part']
    assert sorted(os.listdir(tmp_path)) == ['.hidden', 'data.part', 'iter_1.pth']
    assert remove_parts(tmp_path / 'absent') == []


def test_removals_wait_for_the_end_of_the_outermost_block(tmp_path):
    path, folder = tmp_path / 'file', tmp_path / 'folder'
    path.touch()
    folder.mkdir()
    backend = AtomicLocalBackend()
    with backend.removals_last():
        with backend.removals_last():
            backend.remove(path)
            backend.rmtree(folder)
        assert path.exists()
        assert folder.exists()
    assert os.listdir(tmp_path) == []


def test_after_an_error_nothing_is_removed(tmp_path):
    path = tmp_path / 'file'
    path.touch()
    backend = AtomicLocalBackend()
    with pytest.raises(RuntimeError), backend.removals_last():
        backend.remove(path)
        raise RuntimeError
    assert path.exists()
    backend.remove(path)
    assert not path.exists()
