"""Find images and the labels that belong to them: files of the same stem.

Names are compared in Unicode's composed form: macOS writes accents as characters of
their own.
"""

import logging
from collections import Counter
from functools import cache, partial
from unicodedata import normalize

from mmengine import fileio
from mmengine.logging import print_log

from mmseg_deeplab.utils.data_file_errors import UnpairedFilesError
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.file_listing import names_below
from mmseg_deeplab.utils.listing import some

SUFFIXES = ('.jpg', '.jpeg', '.jfif', '.png', '.bmp', '.tif', '.tiff', '.webp')
_some = partial(some, limit=20)  # files listed in one message


def find_files(
    folder: str, suffix: str | None, what: str, backend_args: dict | None = None
) -> dict[str, str]:
    """List the files of a folder and its sub-folders by stem, in alphabetical order.

    Returns names below ``folder`` by the same names without the suffix, in upper or
    lower case; None takes :data:`SUFFIXES`.
    """
    suffixes = SUFFIXES if suffix is None else (suffix,)
    if not fileio.isdir(folder, backend_args=backend_args):
        raise FileNotFoundError(
            f'{folder}: no such folder of {what}. Remedy: put them there, or correct '
            'data_root or data_prefix.'
        )
    found: dict[str, list[str]] = {}
    for name in _list(folder, backend_args):
        if end := next((s for s in suffixes if name.lower().endswith(s.lower())), ''):
            found.setdefault(_stem(name, end), []).append(name)
    if not found:
        raise FileNotFoundError(
            f'{folder}: no file ends in {" or ".join(suffixes)}. Remedy: put the '
            f'{what} there, or correct data_prefix or the suffix.'
        )
    twice = [' and '.join(sorted(names)) for names in found.values() if len(names) > 1]
    if twice:
        raise UnpairedFilesError(
            f'{folder}: {what} of the same stem: {_some(twice)}. Remedy: remove one '
            'of them, or say which suffix is meant (img_suffix, seg_map_suffix).'
        )
    return {stem: found[stem][0] for stem in sorted(found)}


def _list(folder: str, backend_args: dict | None) -> list[str]:
    found = names_below(folder, backend_args)
    for name, why in found.passed_over.items():
        _warn_once(f'{folder}: {name!r} is passed over: {why}')
    return found.names


@cache
def _warn_once(message: str) -> None:
    print_log(message, 'current', logging.WARNING)


def _stem(name: str, suffix: str = '') -> str:
    return normalize('NFC', name[: len(name) - len(suffix)])


def choose_listed(found: dict[str, str], text: str, ann_file: str) -> dict[str, str]:
    """Keep the images that a list names, a stem or a name a line, in its order."""
    stems = {_stem(name): stem for stem, name in found.items()}
    names = [_stem(line.strip()) for line in text.splitlines() if line.strip()]
    chosen = [stems.get(name, name) for name in names]
    missing = [stem for stem in chosen if stem not in found]
    if missing:
        raise FileNotFoundError(
            f'{ann_file}: no image belongs to {_some(missing)}. Remedy: write names '
            f'below the folder of images, with or without suffix, such as '
            f'{next(iter(found))!r}.'
        )
    if not chosen:
        raise InputError(f'{ann_file}: lists no image.')
    repeated = [stem for stem, times in Counter(chosen).items() if times > 1]
    if repeated:
        raise InputError(f'{ann_file}: lists more than once: {_some(repeated)}.')
    return {stem: found[stem] for stem in chosen}


def check_pairs(
    images: dict[str, str],
    labels: dict[str, str],
    *,
    folders: tuple[str, str],
    listed: bool,
) -> None:
    """Refuse images without a label, and labels without an image.

    Where a list chose the images, other labels are no fault.
    """
    image_folder, label_folder = folders
    without_label = [name for stem, name in images.items() if stem not in labels]
    without_image = [name for stem, name in labels.items() if stem not in images]
    faults = []
    if without_label:
        faults.append(
            f'{image_folder}: {len(without_label)} images have no label in '
            f'{label_folder}: {_some(without_label)}.'
        )
    if without_image and not listed:
        faults.append(
            f'{label_folder}: {len(without_image)} labels have no image in '
            f'{image_folder}: {_some(without_image)}.'
        )
    if faults:
        raise UnpairedFilesError(
            f'{" ".join(faults)} Remedy: give both the same name up to the suffix (set '
            "seg_map_suffix='_mask.png' for x.jpg and x_mask.png), add what is "
            'missing, or list the pairs to use in ann_file.'
        )
