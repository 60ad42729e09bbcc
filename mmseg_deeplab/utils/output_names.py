"""The one rule by which the outputs of input files are named."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from .errors import InputError


def output_names(
    paths: Sequence[str],
    root: str | None = None,
    *,
    beside: Callable[[str], Iterable[str]] = lambda folder: (),
) -> list[str]:
    """Return a name for the outputs of each file: its path below ``root``, no suffix.

    Where ``root`` is None or does not hold all files, it is the deepest folder that
    does. A name keeps its suffix where the folder has another file of the same stem,
    among ``paths`` or what ``beside`` returns for the folder. Addresses of storage
    backends are taken for paths. Two files of one name are an InputError.
    """
    places = [os.path.abspath(path.split('://')[-1]) for path in paths]
    root = root and root.split('://')[-1]
    if not root or not all(is_below(place, root) for place in places):
        root = os.path.commonpath([os.path.dirname(place) for place in places] or ['/'])
    bases: dict[str, set[str]] = {}
    for place in places:
        bases.setdefault(os.path.dirname(place), set()).add(os.path.basename(place))
    stems = {
        folder: Counter(os.path.splitext(base)[0] for base in found | {*beside(folder)})
        for folder, found in bases.items()
    }
    owners: dict[str, str] = {}
    names = []
    for path, place in zip(paths, places, strict=True):
        folder, base = os.path.split(place)
        stem = os.path.splitext(base)[0]
        kept = base if stems[folder][stem] > 1 else stem
        name = os.path.relpath(os.path.join(folder, kept), root)
        check_owner(owners, name, path)
        names.append(name)
    return names


def check_owner(owners: dict[str, str], name: str, path: str) -> None:
    """Enter the file that owns a name; ValueError if another one owns it already."""
    if owners.setdefault(name, path) != path:
        raise InputError(
            f'{owners[name]} and {path} would both be written as {name!r}. Remedy: '
            'rename one of them, or write their outputs to two folders'
        )


def is_below(path: str, folder: str | os.PathLike) -> bool:
    """Whether a path lies in a folder, at any depth."""
    folder = os.path.abspath(folder)
    return os.path.commonpath([os.path.abspath(path), folder]) == folder
