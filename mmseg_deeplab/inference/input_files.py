"""From the arguments of a command line to files, and to names for their outputs."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.file_listing import files_below
from mmseg_deeplab.utils.output_names import is_below, output_names
from mmseg_deeplab.utils.raster_reader import RASTER_SUFFIXES
from mmseg_deeplab.utils.remote_files import is_remote, mirrored
from mmseg_deeplab.utils.text_files import decode_text

from .images import IMAGE_SUFFIXES
from .video_files import VIDEO_SUFFIXES

KNOWN_SUFFIXES = frozenset((*IMAGE_SUFFIXES, *RASTER_SUFFIXES, *VIDEO_SUFFIXES))


@dataclass(frozen=True)
class InputFile:
    """A file to predict."""

    path: str  # absolute
    name: str  # of its outputs: a relative path with `/` and no suffix


class Inputs(NamedTuple):
    """What a command line names."""

    root: str  # the folder below which the outputs are named
    files: list[InputFile]  # in order
    left_out: dict[str, str]  # paths that were found, and why they are no inputs


def find_inputs(
    arguments: Sequence[str],
    *,
    listed: Iterable[str] = (),
    out: str | os.PathLike | None = None,
    root: str | None = None,
) -> Inputs:
    """Find all files that a command line names, each once.

    Arguments are files, folders (with all files of known suffixes below them) and glob
    patterns; ``listed`` are more files, which need not exist. Nothing in ``out`` is an
    input. Outputs are named as their inputs lie below ``root`` or, if that does not
    hold all, below the folder that all arguments have in common: ``photos`` alone gives
    ``a/1`` for ``photos/a/1.jpg``, ``photos scans`` give ``photos/a/1`` and
    ``scans/1``.
    """
    left_out: dict[str, str] = {}
    found = [pair for argument in arguments for pair in _expand(argument, left_out)]
    for line in listed:
        path = mirrored(line, _is_known) if is_remote(line) else line
        path = os.path.abspath(os.path.expanduser(path))
        found.append((os.path.dirname(path), path))
    paths = dict.fromkeys(path for _, path in found)  # a set in order
    kept = [path for path in paths if out is None or not is_below(path, out)]
    for path in left_out.copy():
        if out is not None and is_below(path, out):
            del left_out[path]
    if not kept:
        raise InputError(
            f'no input: {", ".join(arguments) or "the list"} holds no file with one of '
            f'the suffixes {", ".join(sorted(KNOWN_SUFFIXES))}'
        )
    if root is None or not all(is_below(path, root) for path in kept):
        root = os.path.commonpath({folder for folder, _ in found})
    names = output_names(kept, root, beside=_known_files)
    return Inputs(root, list(map(InputFile, kept, names)), left_out)


def read_list(content: bytes, name: str) -> list[str]:
    """Return the paths of a list, one on each line; blank lines do not count."""
    lines = decode_text(content, name, errors='surrogateescape').split('\n')
    return [line.rstrip('\r') for line in lines if line.strip()]


def _expand(argument: str, left_out: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield, for each file, the folder below which it is named, and its path."""
    if is_remote(argument):
        argument = mirrored(argument, _is_known)
    path = os.path.abspath(os.path.expanduser(argument))
    if os.path.isdir(path):
        yield from ((path, found) for found in _below(path, left_out))
    elif os.path.lexists(path):  # what is no file fails when it is read
        yield os.path.dirname(path), path
    elif found := _matching(path, left_out):
        folder = os.path.join(*_plain_parts(path))
        yield from ((folder, path) for path in found)
    else:
        raise FileNotFoundError(
            f'input {argument!r} does not exist (current folder {os.getcwd()}); give '
            'files, folders, patterns such as "photos/**/*.jpg", or - for a list of '
            'paths on the standard input'
        )


def _plain_parts(pattern: str) -> list[str]:
    return list(takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))


def _matching(pattern: str, left_out: dict[str, str]) -> list[str]:
    """Return the files that match a pattern; ``**`` stands for folders at any depth."""
    parts, plain = Path(pattern).parts, _plain_parts(pattern)
    if '**' not in parts:
        return sorted(path for path in glob.iglob(pattern) if not os.path.isdir(path))
    # The library's `**` would go round in links that lead back.
    folder, wanted = os.path.join(*plain), parts[len(plain) :]
    found = files_below(folder)
    for name, why in found.passed_over.items():
        left_out[os.path.join(folder, name)] = why
    return [
        os.path.join(folder, name)
        for name in found.names
        if _matches(name.split('/'), wanted)
    ]


def _matches(parts: Sequence[str], wanted: Sequence[str]) -> bool:
    if not wanted:
        return not parts
    if wanted[0] == '**':
        return any(_matches(parts[i:], wanted[1:]) for i in range(len(parts) + 1))
    is_first = bool(parts) and fnmatchcase(parts[0], wanted[0])
    return is_first and _matches(parts[1:], wanted[1:])


def _below(folder: str, left_out: dict[str, str]) -> Iterator[str]:
    """Yield the files of known suffixes in a folder and below it, but hidden ones."""
    found = files_below(folder)
    for name, why in found.passed_over.items():
        left_out[os.path.join(folder, name)] = why
    for name in found.names:
        path = os.path.join(folder, name)
        if _is_known(name):
            yield path
        else:
            suffix = os.path.splitext(name)[1].lower()
            known = f'{suffix} is no suffix that is read'
            left_out[path] = known if suffix else 'it has no suffix'


def _known_files(folder: str) -> list[str]:
    return list(filter(_is_known, os.listdir(folder))) if os.path.isdir(folder) else []


def _is_known(name: str) -> bool:
    suffix = os.path.splitext(name)[1].lower()
    return suffix in KNOWN_SUFFIXES and not os.path.basename(name).startswith('.')
