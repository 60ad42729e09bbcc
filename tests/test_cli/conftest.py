"""Commands in the process of the tests."""

import pytest

from mmseg_deeplab import cli


@pytest.fixture
def command(capsys):
    """Return a function that runs a command and returns what it printed."""

    def run(name: str, *arguments: object) -> str:
        cli.run(name, [str(argument) for argument in arguments])
        return capsys.readouterr().out

    return run
