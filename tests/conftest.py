"""What all tests share: MMSegmentation's scope, the root, a fork server."""

import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

# Two cores, several processes in some tests: one thread each keeps times steady.
os.environ.setdefault('OMP_NUM_THREADS', '2')

import pytest

# Heavy imports come with the first fixture: the process that only gives out the tests
# does without them.
sys.path.insert(0, str(Path(__file__).parent))  # for `golden`

ROOT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Spare garbage collections what is imported: mmengine asks for them often.

    Each data set that is built does; among all the imports one takes half a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session', autouse=True)
def mmseg_scope() -> Iterator[None]:
    """Register MMSegmentation's modules and make its scope the default.

    mmengine formats the text of a config whenever it is written, which takes longer
    than most tests; here it is left as it is.
    """
    from mmengine.registry import init_default_scope
    from mmseg.utils import register_all_modules
    from yapf.yapflib import yapf_api

    import mmseg_deeplab  # noqa: F401

    register_all_modules(init_default_scope=False)
    init_default_scope('mmseg')
    with patch.object(yapf_api, 'FormatCode', lambda text, **_: (text, False)):
        yield


@pytest.fixture(autouse=True)
def own_scope() -> None:
    """Let MMSegmentation find its own modules, whatever was built before."""
    from mmengine.registry import init_default_scope

    init_default_scope('mmseg')


@pytest.fixture(autouse=True)
def no_closed_logs() -> None:
    """Forget log files that another library has closed.

    The server of the web page sets up logging for the whole process, which closes the
    log file of a training that ran in it before.
    """
    from mmengine.logging import MMLogger

    logger = MMLogger.get_current_instance()
    for handler in list(logger.handlers):
        if isinstance(handler, logging.FileHandler) and handler.stream is None:
            logger.removeHandler(handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the device of ``make gpu``."""
    parser.addoption(
        '--device', default='cpu', help='of the tests that use the fixture `device`'
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that run on the device of ``--device``."""
    for item in items:
        if 'device' in getattr(item, 'fixturenames', ()):
            item.add_marker('device')


@pytest.fixture(scope='module')
def device(request: pytest.FixtureRequest) -> Iterator:
    """Let what a test makes lie on the device of ``--device``.

    Results on a GPU are not rounded to TF32.
    """
    import torch
    from on_device import OnDevice

    chosen = torch.device(request.config.getoption('device'))
    if chosen.type == 'cpu':
        yield chosen
        return
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    with OnDevice(chosen):
        yield chosen


@pytest.fixture(scope='session')
def root() -> Path:
    """Return the project's root."""
    return ROOT


@pytest.fixture(scope='session')
def load_config():
    """Return a function that reads a config by its path under ``configs``."""
    from mmengine import Config

    def load(name: str) -> Config:
        return Config.fromfile(ROOT / 'configs' / name)

    return load


@pytest.fixture(scope='session')
def source(tmp_path_factory):
    """Return a small network that no test changes: see ``predicting.write_model``."""
    from predicting import write_model

    return write_model(tmp_path_factory.mktemp('model'))


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """Return an empty cache of downloads, away from that of the user."""
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setenv('MMSEG_DEEPLAB_HOME', str(tmp_path / 'home'))
    return tmp_path / 'home'


@pytest.fixture(scope='session')
def server():
    """Yield what starts runs of the tools quickly: see ``training.Server``."""
    from training import Server

    with closing(Server()) as server:
        yield server
