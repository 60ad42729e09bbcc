"""Configs that come with the package, found by name from any folder."""

import difflib
import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


def configs_folder() -> Path:
    """Return the folder of the shipped configs: of the wheel, or of the clone."""
    shipped = PACKAGE / '.mim' / 'configs'  # in a clone a link to configs/
    return shipped.resolve() if shipped.is_dir() else PACKAGE.parent / 'configs'


def find_config(config: str | os.PathLike) -> Path:
    """Find a config file by its path, or a shipped config by its name.

    The name is that of a file in ``configs`` with or without ``.py``.
    """
    path = Path(config)
    if path.is_file():
        return path
    folder = configs_folder()
    shipped = folder / path.with_suffix('.py')
    if shipped.is_file():
        return shipped
    names = [file.stem for file in folder.glob('*.py')]
    near = difflib.get_close_matches(path.stem, names, cutoff=0.5)
    raise FileNotFoundError(
        f'config {str(config)!r}: there is no such file (current folder {os.getcwd()}) '
        'and no shipped config of this name; '
        + (f'the nearest are {", ".join(near)}' if near else f'they are in {folder}')
    )
