"""Find the files below a folder, whatever is in it, for training and for prediction."""

import os
from dataclasses import dataclass, field

from mmengine import fileio


@dataclass
class FoundFiles:
    """Files by their names relative to a folder, with ``/``, in order."""

    names: list[str] = field(default_factory=list)
    passed_over: dict[str, str] = field(default_factory=dict)  # what is no file -> why


def files_below(folder: str | os.PathLike) -> FoundFiles:
    """Find all files in a folder and below it, but hidden ones.

    Links are followed, but each folder is read once, if possible under its own name.
    """
    found, read, waiting = FoundFiles(), set(), [os.fspath(folder)]

    def pass_over(path: str, why: str) -> None:
        found.passed_over[os.path.relpath(path, folder)] = why

    def unreadable(error: OSError) -> None:
        pass_over(error.filename, f'it cannot be read ({error.strerror})')

    for start in waiting:  # which grows: linked folders come after the others
        for place, folders, names in os.walk(start, onerror=unreadable):
            status = os.stat(place)
            if (status.st_dev, status.st_ino) in read:
                pass_over(place, 'it is a link to a folder that is read already')
                folders.clear()
                continue
            read.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith('.'))
            paths = [os.path.join(place, name) for name in folders]
            waiting += filter(os.path.islink, paths)  # os.walk does not follow them
            for name in names:
                path = os.path.join(place, name)
                if name.startswith('.'):
                    continue
                if os.path.isfile(path):
                    found.names.append(os.path.relpath(path, folder))
                else:
                    pass_over(path, 'it is a pipe, a device or a broken link')
    found.names.sort(key=os.path.split)
    return found


def names_below(folder: str, backend_args: dict | None = None) -> FoundFiles:
    """Find the files below a folder of this machine or of a storage backend."""
    if not backend_args and '://' not in folder:
        return files_below(folder)
    names = fileio.list_dir_or_file(
        folder, list_dir=False, recursive=True, backend_args=backend_args
    )
    return FoundFiles(list(names))
