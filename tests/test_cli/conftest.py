"""Commands in the process of the tests."""

from pathlib import Path

import pytest
from training import train_here, write_config

from mmseg_deeplab import cli


@pytest.fixture
def command(capsys):
    """Return a function that runs a command and returns what it printed."""

    def run(name: str, *arguments: object) -> str:
        cli.run(name, [str(argument) for argument in arguments])
        return capsys.readouterr().out

    return run


@pytest.fixture(scope='session')
def one_step(tmp_path_factory) -> tuple[Path, Path]:
    """Return a config and the checkpoint of its training of one step."""
    folder = tmp_path_factory.mktemp('one_step')
    config = write_config(folder, iters=1)
    train_here(config, folder / 'run')
    return config, folder / 'run' / 'iter_1.pth'
