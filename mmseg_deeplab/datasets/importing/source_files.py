"""The folder that is imported: its files, and the images that annotations name."""

import os
import re
from collections import defaultdict

from mmseg_deeplab.datasets.class_list import ClassList, read_class_list
from mmseg_deeplab.datasets.file_pairs import SUFFIXES
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.file_listing import files_below

SPLITS = {
    'train': 'train', 'training': 'train', 'val': 'val', 'valid': 'val',
    'validation': 'val', 'test': 'test', 'testing': 'test',
}  # fmt: skip
# Folders in which `predict` writes pictures with the names of its images.
PREDICTED = ('labels', 'overlays', 'panoptic')
IMAGES = (*SUFFIXES, '.gif', '.jp2')


class SourceFiles:
    """Files below a folder, by their paths.

    Args:
        source: A folder, or one annotation file.
        images: The folder in which the images are, if it is not that of ``source``.
        labels: A class list.
    """

    def __init__(
        self, source: str, images: str | None = None, labels: str | None = None
    ) -> None:
        if not os.path.exists(source):
            raise InputError(f'{source}: no such file or folder. Remedy: correct SRC')
        is_file = os.path.isfile(source)
        self.root = os.path.dirname(os.path.abspath(source)) if is_file else source
        self.paths = [source] if is_file else self._walk(source)
        self.image_root = images or self.root
        if not os.path.isdir(self.image_root):
            raise InputError(f'{images}: no such folder. Remedy: correct --images')
        self.class_list: ClassList | None = read_class_list(labels) if labels else None
        self.by_name: dict[str, list[str]] = defaultdict(list)
        paths = self.paths if self.image_root == source else self._walk(images)
        predicted = tuple(
            os.path.join(os.path.dirname(path), kind, '')
            for path in paths
            if os.path.basename(path) == 'predict.json'
            for kind in PREDICTED
        )
        for path in paths:
            if not path.startswith(predicted):
                self.by_name[os.path.basename(path)].append(path)

    def _walk(self, folder: str | None) -> list[str]:
        folder = folder or self.root
        return [os.path.join(folder, name) for name in files_below(folder).names]

    def ending(self, *suffixes: str) -> list[str]:
        """Return the files with one of these ends, in lower or upper case."""
        return [path for path in self.paths if path.lower().endswith(suffixes)]

    def image(self, name: str, place: str, *, but_below: str = '') -> str:
        """Find the image that the annotation file ``place`` calls ``name``.

        It is looked for beside the file, then below the folder of images (``but_below``
        a folder of masks): the one file whose path has most folders in common with
        ``name``, from its end. InputError if there is none, or several fit.
        """
        if not isinstance(name, str) or not name or '\0' in name:
            raise InputError(f'the image is {name!r}, expected the name of a file')
        name = name.replace('\\', '/')
        for folder in (os.path.dirname(place), self.image_root):
            path = os.path.normpath(os.path.join(folder, name))
            if os.path.isfile(path):
                return path
        wanted = name.split('/')[::-1]
        found: dict[int, list[str]] = defaultdict(list)
        for path in self.by_name.get(wanted[0], ()):
            if but_below and path.startswith(but_below + os.sep):
                continue
            parts = path.split(os.sep)[::-1]
            pairs = zip(parts, wanted, strict=False)
            common = next((n for n, (a, b) in enumerate(pairs) if a != b), len(wanted))
            found[common].append(path)
        if not found:
            raise InputError(
                f'the image {name!r} is not below {self.image_root}. Remedy: put it '
                'there, or give its folder by --images'
            )
        best = found[max(found)]
        if len(best) > 1:
            raise InputError(
                f'the image {name!r} may be {best[0]} or {best[1]}. Remedy: give the '
                'folder of the right ones by --images'
            )
        return best[0]

    def image_of_stem(self, stem: str, *, but_below: str = '') -> str:
        """Find the one image with a name, but for the suffix, in ``stem``'s folder.

        Where there is none, it is looked for below the folder of images.
        """
        base = os.path.basename(stem)
        names = [base + end for low in IMAGES for end in (low, low.upper())]
        folder = os.path.dirname(stem)
        found = [p for name in names if os.path.isfile(p := os.path.join(folder, name))]
        if not found:
            found = [path for name in names for path in self.by_name.get(name, ())]
            found = [p for p in found if not p.startswith(but_below + os.sep)]
        if len(found) != 1:
            raise InputError(
                f'{len(found)} images are named {base!r}, expected one'
                f'{": " if found else ""}{" and ".join(found[:2])}. Remedy: give the '
                'folder of images by --images'
            )
        return found[0]

    def split_of(self, *paths: str) -> str | None:
        """Return the split that a folder in a path names: train, val or test.

        The end of an annotation file's name counts, too: ``instances_val2017.json``.
        """
        for path in paths:
            name = os.path.relpath(path, self.image_root).lower()
            *folders, base = name.split(os.sep)
            if base.endswith('.json') and '_' in base:
                folders.append(base[:-5].rpartition('_')[2])
            for folder in reversed(folders):
                if split := SPLITS.get(re.sub(r'\d{4}$', '', folder)):
                    return split
        return None
