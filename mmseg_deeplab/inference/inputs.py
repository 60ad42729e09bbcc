"""From the arguments of a command line to files, and to names for their outputs."""

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .images import IMAGE_SUFFIXES
from .raster_files import RASTER_SUFFIXES
from .video import VIDEO_SUFFIXES

KNOWN_SUFFIXES = frozenset((*IMAGE_SUFFIXES, *RASTER_SUFFIXES, *VIDEO_SUFFIXES))


@dataclass(frozen=True)
class InputFile:
    """A file to predict.

    Args:
        path: Absolute.
        name: Of its outputs: relative, with ``/``, without suffix.
    """

    path: str
    name: str


def find_inputs(
    arguments: Sequence[str],
    *,
    listed: Iterable[str] = (),
    out: str | os.PathLike | None = None,
) -> list[InputFile]:
    """Find all files that a command line names, each once.

    The outputs of a file are named as the file lies below the folder that all inputs
    have in common: ``photos`` alone gives ``a/1`` for ``photos/a/1.jpg``; ``photos
    scans`` give ``photos/a/1`` and ``scans/1``. Files of one folder that differ in
    their suffix only keep it.

    Args:
        arguments: Files, folders (with all below them) and glob patterns.
        listed: More files; they need not exist, so that a long list is not refused for
            one of them.
        out: A folder to leave out, as it is where results go.

    Raises:
        FileNotFoundError: If an argument is no file, no folder and no pattern.
        ValueError: If there is nothing to predict, or two files would have one name.
    """
    roots: set[str] = set()
    paths: dict[str, None] = {}  # a set in order
    for argument in arguments:
        for root, path in _expand(argument):
            roots.add(root)
            paths[path] = None
    for line in listed:
        path = os.path.abspath(os.path.expanduser(line))
        roots.add(os.path.dirname(path))
        paths[path] = None
    kept = [path for path in paths if not _is_below(path, out)]
    if not kept:
        raise ValueError(
            f'no input: {", ".join(arguments) or "the list"} holds no file with one of '
            f'the suffixes {", ".join(sorted(KNOWN_SUFFIXES))}'
        )
    return _named(kept, os.path.commonpath(roots))


def read_list(lines: Iterable[str]) -> list[str]:
    """Return the paths of a list, one a line; blank lines do not count.

    Args:
        lines: With or without their ends.
    """
    return [line.rstrip('\r\n') for line in lines if line.strip()]


def _expand(argument: str) -> Iterator[tuple[str, str]]:
    """Yield the folder that names begin below, and the path, of each file."""
    path = os.path.abspath(os.path.expanduser(argument))
    if os.path.isdir(path):
        yield from ((path, found) for found in _below(path))
    elif os.path.isfile(path):
        yield os.path.dirname(path), path
    elif glob.has_magic(argument):
        yield from _match(path, argument)
    else:
        raise FileNotFoundError(
            f'input {argument!r} does not exist (current folder {os.getcwd()}); give '
            'files, folders, patterns such as "photos/**/*.jpg", or - for a list of '
            'paths on the standard input'
        )


def _match(pattern: str, argument: str) -> Iterator[tuple[str, str]]:
    parts = Path(pattern).parts
    fixed = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    found = sorted(filter(os.path.isfile, glob.iglob(pattern, recursive=True)))
    if not found:
        raise FileNotFoundError(
            f'input {argument!r}: no file has such a name (current folder '
            f'{os.getcwd()})'
        )
    yield from ((os.path.join(*parts[:fixed]), path) for path in found)


def _below(folder: str) -> Iterator[str]:
    """Yield the files in a folder and below it, but hidden ones and other kinds."""
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith('.'))
        for name in sorted(names):
            suffix = os.path.splitext(name)[1].lower()
            if suffix in KNOWN_SUFFIXES and not name.startswith('.'):
                yield os.path.join(place, name)


def _is_below(path: str, folder: str | os.PathLike | None) -> bool:
    return folder is not None and Path(path).is_relative_to(os.path.abspath(folder))


def _named(paths: Sequence[str], root: str) -> list[InputFile]:
    relative = [Path(path).relative_to(root) for path in paths]
    stems = [path.with_suffix('').as_posix() for path in relative]
    alike = defaultdict(int)
    for stem in stems:
        alike[stem] += 1
    files: dict[str, InputFile] = {}
    for path, whole, stem in zip(paths, relative, stems, strict=True):
        name = whole.as_posix() if alike[stem] > 1 else stem
        if name in files:
            raise ValueError(
                f'{files[name].path} and {path} would both be written as {name!r}. '
                'Remedy: rename one of them, or predict them into two folders'
            )
        files[name] = InputFile(path, name)
    return list(files.values())
