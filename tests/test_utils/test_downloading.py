"""Downloads from a server that breaks off, lies, is slow, or says no."""

import errno
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from http_files import FileServer
from local import largest_file, serving

from mmseg_deeplab.utils import downloading as module
from mmseg_deeplab.utils.cache_folder import cache_folder
from mmseg_deeplab.utils.downloading import DownloadError, download, with_mirrors

CONTENT = os.urandom(300_000)


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, 'PAUSE', 0.01)
    with serving(FileServer()) as server:
        server.sha256 = server.put('a.pth', CONTENT)
        yield server


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != '.lock')


def test_a_whole_file_with_its_hash(server, tmp_path):
    file = tmp_path / 'new' / 'a.pth'
    found = download([server.url('good', 'a.pth')], file, sha256=server.sha256[:8])
    assert found == file and file.read_bytes() == CONTENT
    assert names(file.parent) == ['a.pth']
    server.files.clear()
    assert download([server.url('good', 'a.pth')], file) == file  # no request


@pytest.mark.parametrize('mode', ['breaks', 'no-range', 'once-503'])
@pytest.mark.parametrize('is_known', [True, False])
def test_a_break_is_survived(server, tmp_path, mode, is_known):
    file = tmp_path / 'a.pth'
    sha256 = server.sha256 if is_known else ''
    download([server.url(mode, 'a.pth')], file, sha256=sha256)
    assert file.read_bytes() == CONTENT
    ranges = [wanted for _, wanted in server.log if wanted]
    assert bool(ranges) == (mode != 'once-503')


def test_the_next_run_goes_on(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'ATTEMPTS', 0)
    urls = [server.url('breaks', 'a.pth')]
    with pytest.raises(DownloadError, match=r'broke after 150000 of 300000 bytes'):
        download(urls, tmp_path / 'a.pth')
    assert not (tmp_path / 'a.pth').exists()
    download([server.url('good', 'a.pth')], tmp_path / 'a.pth')
    assert server.log[-1] == ('good', 'bytes=150000-')
    assert (tmp_path / 'a.pth').read_bytes() == CONTENT
    assert names(tmp_path) == ['a.pth']


def test_pieces_of_two_versions_are_not_joined(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'ATTEMPTS', 0)
    with pytest.raises(DownloadError):
        download([server.url('breaks', 'a.pth')], tmp_path / 'a.pth')
    server.put('a.pth', CONTENT[::-1])
    download([server.url('good', 'a.pth')], tmp_path / 'a.pth')
    assert (tmp_path / 'a.pth').read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize(
    ('mode', 'reason'),
    [
        ('404', 'answered 404'),
        ('503', 'answered 503'),
        ('other', 'another hash'),
        ('page', 'a web page'),
    ],
)
def test_the_next_mirror_is_tried(server, tmp_path, capsys, mode, reason):
    urls = [server.url(mode, 'a.pth'), server.url('good', 'a.pth')]
    download(urls, tmp_path / 'a.pth', sha256=server.sha256[:8])
    assert (tmp_path / 'a.pth').read_bytes() == CONTENT
    lines = [line for line in capsys.readouterr().err.splitlines() if reason in line]
    assert len(lines) == 1 and lines[0].startswith(urls[0])


def test_a_lie_leaves_nothing(server, tmp_path):
    with pytest.raises(DownloadError, match=r'another hash.*put the file at .*a\.pth'):
        download([server.url('other', 'a.pth')], tmp_path / 'a.pth', sha256='00112233')
    assert names(tmp_path) == []


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'PAUSE', 0)
    with serving(FileServer()) as server:
        url = server.url('good', 'a.pth')
    with pytest.raises(DownloadError, match=r'no connection.*when the network is'):
        download([url], tmp_path / 'a.pth')
    assert names(tmp_path) == []


def test_a_silent_server_is_given_up(server, tmp_path, monkeypatch):
    monkeypatch.setattr(module, 'TIMEOUT', 1.0)
    urls = [server.url('slow', 'a.pth'), server.url('good', 'a.pth')]
    download(urls, tmp_path / 'a.pth', sha256=server.sha256)
    assert (tmp_path / 'a.pth').read_bytes() == CONTENT


def test_a_full_disk_leaves_nothing(server, tmp_path):
    with (
        pytest.raises(DownloadError, match=r'free space there') as caught,
        largest_file(100_000),
    ):
        download([server.url('good', 'a.pth')], tmp_path / 'a.pth')
    assert caught.value.__cause__.errno == errno.EFBIG
    assert names(tmp_path) == []


def test_two_at_once_download_once(server, tmp_path):
    def get(_):
        return download([server.url('good', 'a.pth')], tmp_path / 'a.pth')

    with ThreadPoolExecutor() as pool:
        assert len(set(pool.map(get, range(4)))) == 1
    assert len(server.log) == 1


def test_the_hosts_of_openmmlab_mirror_each_other():
    first, second = with_mirrors('https://download.openmmlab.com/x/y-01234567.pth')
    assert second == 'https://mmassets.onedl.ai/x/y-01234567.pth'
    assert with_mirrors(second) == [second, first]
    assert with_mirrors('https://a.org/b') == ['https://a.org/b']


def test_the_folder_can_be_chosen(monkeypatch, tmp_path):
    monkeypatch.setenv('MMSEG_DEEPLAB_HOME', str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv('MMSEG_DEEPLAB_HOME')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert cache_folder() == tmp_path / 'mmseg_deeplab'
