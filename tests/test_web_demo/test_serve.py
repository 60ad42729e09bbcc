"""The server: what it keeps, what it tells, what it leaves behind."""

import importlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator

import pytest

from mmseg_deeplab.web_demo import Limits, serving

PACKAGE = 'mmseg_deeplab.web_demo'


def test_without_gradio_the_remedy_is_told(monkeypatch):
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'gradio', None)
    with pytest.raises(ImportError, match=r'pip install "mmseg-deeplab\[web\]"'):
        importlib.import_module(PACKAGE)


@pytest.fixture
def taken() -> Iterator[tuple[socket.socket, int]]:
    """Yield a socket that listens, and its port."""
    with socket.socket() as listening:
        listening.bind(('127.0.0.1', 0))
        listening.listen()
        yield listening, listening.getsockname()[1]


def test_nothing_stays_behind(models, tmp_path, monkeypatch, taken):
    monkeypatch.setattr(tempfile, 'tempdir', str(tmp_path))
    listening, port = taken
    listening.close()
    before = dict(os.environ)
    with serving(models, limits=Limits(megabytes=3, queue_size=7), port=port) as page:
        (folder,) = tmp_path.iterdir()
        assert os.environ['GRADIO_TEMP_DIR'] == str(folder)
        assert (page.max_file_size, page._queue.max_size) == (3_000_000, 7)
        assert page.config['analytics_enabled'] is False
        public = [
            d for d in page.config['dependencies'] if d['api_visibility'] == 'public'
        ]
        assert public == []
    assert list(tmp_path.iterdir()) == []
    assert dict(os.environ) == before


def test_a_taken_port_is_told(models, taken):
    port = taken[1]
    with (
        pytest.raises(ValueError, match=f'cannot listen at 127.0.0.1:{port}.*--port'),
        serving(models, port=port),
    ):
        pass
