"""Images that two data sets have in common, under one name or two."""

import os
from collections.abc import Callable, Hashable, Iterable

from mmseg_deeplab.utils.file_hashes import sha256

MAX_FILES = 50_000  # of more, only paths are compared: looking at each takes minutes
SAMPLE = 4096  # bytes that are compared before whole files are


def shared_images(one: Iterable[str], other: Iterable[str]) -> list[tuple[str, str]]:
    """Find the images of the first list that are in the second, with their twins there.

    Two are the same if their paths lead to one file or their contents are equal.
    """
    ones, others = ({os.path.realpath(path) for path in p} for p in (one, other))
    pairs = {path: path for path in ones & others}
    if len(ones) + len(others) <= MAX_FILES:
        left = ones - pairs.keys()
        for key in (_size, _middle, sha256):
            left, others = _matching(left, others, key)
        twins = {content: path for path, content in others.items()}
        pairs |= {path: twins[content] for path, content in left.items()}
    return sorted(pairs.items())


def _matching(
    ones: Iterable[str], others: Iterable[str], key: Callable[[str], Hashable]
) -> list[dict[str, Hashable]]:
    """Leave out what has its key on one side alone, or none; return the keys."""
    sides = [{path: key(path) for path in paths} for paths in (ones, others)]
    common = set(sides[0].values()) & set(sides[1].values()) - {None}
    return [{p: k for p, k in side.items() if k in common} for side in sides]


def _size(path: str) -> int | None:
    """Return the size of a file; None where no file is, as of a synthetic image."""
    return os.path.getsize(path) if os.path.isfile(path) else None


def _middle(path: str) -> bytes:
    """Return some bytes from the middle, where images of one camera differ."""
    with open(path, 'rb') as file:
        file.seek(os.path.getsize(path) // 2)
        return file.read(SAMPLE)
