"""``tools/web_demo.py``: it serves until it is told to end, and complains clearly."""

import signal
import urllib.request
from pathlib import Path

import pytest
from training import ROOT, Server, free_port, train_here, write_config

TOOL = ROOT / 'tools' / 'web_demo.py'


@pytest.fixture(scope='module')
def trained(tmp_path_factory) -> tuple[Path, Path]:
    """Return a config and its checkpoint."""
    folder = tmp_path_factory.mktemp('trained')
    config = write_config(folder, iters=1)
    train_here(config, folder)
    return config, folder / 'iter_1.pth'


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_end(server: Server, trained, tmp_path):
    port = free_port()
    tool = server.start(TOOL, *trained, '--port', port, log=tmp_path / 'log')
    address = f'http://127.0.0.1:{port}/'
    said = f'The page is at {address}'
    tool.wait_until(lambda: said in tool.log.read_text())
    with urllib.request.urlopen(address) as answer:
        assert b'Semantic segmentation' in answer.read()
    tool.send(signal.SIGTERM)
    assert tool.wait() == 0, tool.log.read_text()
