"""``tools/web_demo.py``: it serves until it is told to end, and complains clearly."""

import signal
import urllib.request

import pytest
from training import ROOT, Server, free_port

TOOL = ROOT / 'tools' / 'web_demo.py'


@pytest.mark.slow
def test_it_serves_until_it_is_told_to_end(server: Server, one_step, tmp_path):
    port = free_port()
    tool = server.start(TOOL, *one_step, '--port', port, log=tmp_path / 'log')
    address = f'http://127.0.0.1:{port}/'
    said = f'The page is at {address}'
    tool.wait_until(lambda: said in tool.log.read_text())
    with urllib.request.urlopen(address) as answer:
        assert b'Semantic segmentation' in answer.read()
    tool.send(signal.SIGTERM)
    assert tool.wait() == 0, tool.log.read_text()
