"""Images that are there twice, in one data set or in two, under one name or two."""

import os
from collections.abc import Callable, Hashable, Iterable, Mapping

import numpy as np

from mmseg_deeplab.utils.file_hashes import sha256

from .similar_images import SIMILAR, most_similar

MAX_FILES = 50_000  # of more, only paths are compared: looking at each takes minutes
SAMPLE = 4096  # bytes that are compared before whole files are


def shared_images(one: Iterable[str], other: Iterable[str]) -> list[tuple[str, str]]:
    """Find the images of the first list that are in the second, with their twins there.

    Two are the same if their paths lead to one file or their contents are equal.
    """
    ones, others = ({os.path.realpath(path) for path in p} for p in (one, other))
    pairs = {path: path for path in ones & others}
    if len(ones) + len(others) <= MAX_FILES:
        for group in equal_files(ones | others):
            twins = [path for path in group if path in others]
            pairs |= {p: twins[0] for p in group if p in ones - others and twins}
    return sorted(pairs.items())


def similar_images(
    one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]
) -> list[tuple[str, str, float]]:
    """Find the images of the first that look like one of the second, and how alike.

    Both have the steps of :func:`~.similar_images.brightness_steps` by name.
    """
    if not one or not other:
        return []
    best = most_similar(np.stack([*one.values()]), np.stack([*other.values()]))
    names = [*other]
    return [
        (name, names[index], float(similarity))
        for name, index, similarity in zip(one, *best, strict=True)
        if similarity >= SIMILAR
    ]


def equal_files(paths: Iterable[str]) -> list[list[str]]:
    """Return the groups of files of equal content, each of two files or more.

    Only files whose sizes are equal are read.
    """
    groups = [sorted({os.path.realpath(path) for path in paths})]
    for key in (_size, _middle, sha256):
        groups = [part for group in groups for part in _parts(group, key)]
    return groups


def _parts(group: list[str], key: Callable[[str], Hashable]) -> list[list[str]]:
    """Divide a group by a key; leave out what is alone, and what has no key."""
    parts: dict[Hashable, list[str]] = {}
    for path in group:
        parts.setdefault(key(path), []).append(path)
    parts.pop(None, None)
    return [part for part in parts.values() if len(part) > 1]


def _size(path: str) -> int | None:
    """Return the size of a file; None where no file is, as of a synthetic image."""
    return os.path.getsize(path) if os.path.isfile(path) else None


def _middle(path: str) -> bytes:
    """Return some bytes from the middle, where images of one camera differ."""
    with open(path, 'rb') as file:
        file.seek(os.path.getsize(path) // 2)
        return file.read(SAMPLE)
