"""Write the lists of splits that :class:`FolderDataset` reads, without leakage."""

import json
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path

import numpy as np
from prettytable import PrettyTable

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError

from .folder import FolderDataset
from .scan import Sample, read_samples
from .shared_images import equal_files
from .similar_images import SIMILAR, similar_groups
from .stratified_groups import assign_groups

REPORT = 'split.json'
FOLD_LIST = re.compile(r'fold\d+_(train|val)\.txt')
MAX_GROUPS = 20  # named in the printed report; the JSON file names all


@dataclass(frozen=True)
class SplitOptions:
    """How images are divided."""

    val: float = 0.2  # the part for validation; without effect if there are folds
    test: float = 0.0  # the part that is held out; 0 keeps an existing test.txt
    folds: int | None = None  # of a cross-validation; None makes one split
    # A regular expression, searched in the name of each image: those with the same
    # first group, or without a group the same match, stay together.
    group_by: str | None = None
    stratify: bool = False  # whether each split has its part of each class's images
    seed: int = 0
    similar: float = SIMILAR  # from which images stay together; above 1 equal files do
    overwrite: bool = False  # whether lists that are there already are replaced

    def __post_init__(self) -> None:
        if self.folds is None and not 0 < self.val < 1:
            raise InputError(f'--val is {self.val}, expected above 0 and below 1')
        if self.folds is not None and self.folds < 2:
            raise InputError(f'--folds is {self.folds}, expected 2 or more')
        if not 0 <= self.test < 1 or (not self.folds and self.val + self.test >= 1):
            raise InputError(
                f'--val {self.val} --test {self.test}: expected at least 0, and less '
                'than 1 together, so that images are left for the training'
            )
        if self.seed < 0:
            raise InputError(f'--seed is {self.seed}, expected 0 or more')
        if not self.similar > 0:  # not a number as well
            raise InputError(f'--similar is {self.similar}, expected above 0')
        try:
            re.compile(self.group_by or '')
        except re.error as error:
            raise InputError(
                f'--group-by {self.group_by!r} is no regular expression: {error}'
            ) from error


@dataclass
class SplitReport:
    """What was written; names are those of the lists."""

    folder: str
    options: SplitOptions
    groups: int = 0
    lists: dict[str, list[str]] = field(default_factory=dict)  # by their own names
    # Groups of images that are the same or nearly so.
    duplicates: list[list[str]] = field(default_factory=list)
    without_group: list[str] = field(default_factory=list)  # no match of group_by
    left_out: list[str] = field(default_factory=list)  # same as in a test.txt
    # Images with pixels of each class, in each list.
    classes: dict[str, dict[str, int]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f'{self.folder}: {self.groups} groups; seed {self.options.seed}']
        if self.duplicates:
            count = sum(map(len, self.duplicates))
            lines.append(
                f'{count} images are the same as others, or nearly: '
                f'{len(self.duplicates)} groups, each in one split'
            )
            lines += [f'  {", ".join(one)}' for one in self.duplicates[:MAX_GROUPS]]
            if len(self.duplicates) > MAX_GROUPS:
                lines.append(f'  ... all are in {REPORT}')
        if self.without_group:
            lines.append(
                f'{len(self.without_group)} names do not match --group-by, such as '
                f'{self.without_group[0]}: these images stand alone'
            )
        if self.left_out:
            lines.append(
                'left out, since they are images of test.txt: '
                + ', '.join(self.left_out)
            )
        table = PrettyTable(['images with', *self.lists], align='r')
        table.align['images with'] = 'l'
        for name, counts in self.classes.items():
            table.add_row([name, *counts.values()])
        table.add_row(['any', *map(len, self.lists.values())])
        lines.append(str(table))
        lines += [
            f'warning: no image of {split} has pixels of {name}'
            for name, counts in self.classes.items()
            for split, count in counts.items()
            if not count and any(counts.values())
        ]
        return '\n'.join(lines)


def split_folder(
    folder: str | Path, options: SplitOptions, *, workers: int = 0, **data
) -> SplitReport:
    """Write ``train.txt``, ``val.txt``, ``test.txt``, or ``fold0_train.txt`` and so on.

    Images that are the same, or nearly, are kept in one split, so that no network is
    validated on what it has learned. The same images, options and seed give the same
    lists. ``split.json`` beside the lists is the report that is returned.

    Args:
        folder: The ``data_root`` of a :class:`FolderDataset` with images in one folder.
        options: How they are divided.
        workers: Processes that read the files; 0 reads in this one.
        **data: More arguments of :class:`FolderDataset`, such as ``labels_file``.

    Raises:
        InputError: If lists are there already, a file cannot be read, or there are
            fewer groups than splits.
    """
    folder = Path(folder)
    dataset = FolderDataset(data_root=str(folder), **data)
    names = _names(dataset)
    _check_layout(folder, dataset.data_prefix['img_path'], options)
    kept = _kept_test(folder, options, data)
    samples = _read(dataset, workers)
    report = SplitReport(str(folder), options)
    group = _groups(samples, names, options, report)
    in_test = np.isin(names, sorted(kept))
    tainted = np.isin(group, group[in_test]) & ~in_test
    report.left_out = [names[i] for i in np.flatnonzero(tainted)]
    free = ~(in_test | tainted)
    present = np.stack([sample.pixels > 0 for sample in samples])
    present = present[:, : len(dataset.metainfo['classes'])]
    places = _assign(group[free], present[free], options)
    report.lists = _lists([names[i] for i in np.flatnonzero(free)], places, options)
    if kept:
        report.lists['test'] = sorted(kept)
    report.groups = len(np.unique(group))
    row = {name: index for index, name in enumerate(names)}
    for number, name in enumerate(dataset.metainfo['classes']):
        report.classes[name] = {
            split: int(present[[row[one] for one in ones], number].sum())
            for split, ones in report.lists.items()
        }
    _write(folder, report, keep_test=bool(kept))
    return report


def _names(dataset: FolderDataset) -> list[str]:
    """Return the names of all images below their folder."""
    folder = dataset.data_prefix['img_path']
    paths = [dataset.get_data_info(i)['img_path'] for i in range(len(dataset))]
    names = [os.path.relpath(path, folder) for path in paths]
    for name in names:
        if name != name.strip() or '\n' in name:
            raise InputError(
                f'{os.path.join(folder, name)!r}: the name begins or ends with a blank '
                'or has a line break, and cannot stand in a list. Remedy: rename it'
            )
    return names


def _check_layout(folder: Path, images: str, options: SplitOptions) -> None:
    """Refuse what would be overwritten, and folders that are read before lists."""
    for split in ('train', 'val', 'test'):
        if os.path.isdir(os.path.join(images, split)):
            raise InputError(
                f'{os.path.join(images, split)}: this folder is a split, which is read '
                'before any list. Remedy: move the files of all such folders to '
                f'{images}, and those of the labels likewise'
            )
    there = [name for name in _written(folder, options) if (folder / name).exists()]
    if there and not options.overwrite:
        raise InputError(
            f'{folder}: {", ".join(there)} would be overwritten or removed. '
            'Remedy: --overwrite'
        )


def _written(folder: Path, options: SplitOptions) -> list[str]:
    """Return the lists that are written, and older ones that do not go with them.

    A list of the training may have images of a new test set, and a fold be left over.
    """
    names = {'train.txt', 'val.txt'} if options.test or not options.folds else set()
    if options.test or options.folds:
        old = (path.name for path in folder.iterdir())
        names |= {name for name in old if FOLD_LIST.fullmatch(name)}
    for k in range(options.folds or 0):
        names |= {f'fold{k}_train.txt', f'fold{k}_val.txt'}
    return sorted(names) + ['test.txt'] * bool(options.test)


def _kept_test(folder: Path, options: SplitOptions, data: dict) -> set[str]:
    """Return the images of a ``test.txt`` that stays as it is."""
    if options.test or not (folder / 'test.txt').is_file():
        return set()
    data = data | dict(data_root=str(folder), ann_file='test.txt')
    return set(_names(FolderDataset(**data)))


def _read(dataset: FolderDataset, workers: int) -> list[Sample]:
    samples = read_samples(dataset, workers=workers)
    if faults := [fault for sample in samples for fault in sample.faults]:
        raise InputError(
            f'{len(faults)} faults in the files, the first one: {faults[0].message} '
            'Remedy: mmseg-deeplab check-data lists all'
        )
    return samples


def _groups(
    samples: list[Sample], names: list[str], options: SplitOptions, report: SplitReport
) -> np.ndarray:
    """Number the groups of images that stay together, ``(N,)``."""
    rows: dict[str, list[int]] = {}  # several where links lead to one file
    for index, sample in enumerate(samples):
        rows.setdefault(os.path.realpath(sample.image), []).append(index)
    equal = [[i for path in group for i in rows[path]] for group in equal_files(rows)]
    steps = np.stack([sample.steps for sample in samples])
    similar = similar_groups(steps, options.similar)
    alike = _joined(np.arange(len(names)), chain(rows.values(), equal, similar))
    for number in np.flatnonzero(np.bincount(alike) > 1):
        members = np.flatnonzero(alike == number)
        report.duplicates.append([names[i] for i in members])
    if not options.group_by:
        return alike
    named: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if found := re.search(options.group_by, name):
            key = found[1 if found.re.groups else 0]
            named.setdefault(key, []).append(index)
        else:
            report.without_group.append(name)
    if not named:
        raise InputError(
            f'--group-by {options.group_by!r}: no name matches, such as {names[0]!r}'
        )
    return _joined(alike, named.values())


def _joined(numbers: np.ndarray, groups: Iterable[Sequence[int]]) -> np.ndarray:
    """Number anew, from 0, so that the members of a group have one number."""
    numbers = numbers.copy()
    for group in groups:
        found = np.unique(numbers[group])
        if len(found) > 1:
            numbers[np.isin(numbers, found)] = found[0]
    return np.unique(numbers, return_inverse=True)[1]


def _assign(
    group: np.ndarray, present: np.ndarray, options: SplitOptions
) -> np.ndarray:
    """Return the place of each image: 0 is the training or the first fold."""
    if options.folds:
        shares = [(1 - options.test) / options.folds] * options.folds
    else:
        shares = [1 - options.val - options.test, options.val]
    shares += [options.test] * bool(options.test)
    numbers, index, sizes = np.unique(group, return_inverse=True, return_counts=True)
    if len(numbers) < len(shares):
        raise InputError(
            f'{len(group)} images in {len(numbers)} groups for {len(shares)} splits. '
            'Remedy: a pattern of --group-by that makes more groups, a larger '
            '--similar (above 1 only equal files stay together), or more images'
        )
    counts = np.zeros((len(numbers), present.shape[1] * options.stratify))
    if options.stratify:
        np.add.at(counts, index, present)
    rng = np.random.default_rng(options.seed)
    places = assign_groups(sizes, counts, np.array(shares), rng)
    if len(np.unique(places)) < len(shares):
        raise InputError(
            f'the largest group has {sizes.max()} of {len(group)} images, so that a '
            'split would be empty. Remedy: another pattern of --group-by, a larger '
            '--similar, or other parts (--val, --test, --folds)'
        )
    return places[index]


def _lists(
    names: list[str], places: np.ndarray, options: SplitOptions
) -> dict[str, list[str]]:
    """Return the images of each list."""
    parts = [
        sorted(np.array(names, object)[places == k]) for k in range(max(places) + 1)
    ]
    lists = {'test': parts.pop()} if options.test else {}
    if not options.folds:
        return dict(train=parts[0], val=parts[1]) | lists
    folds = {}
    for number, part in enumerate(parts):
        others = parts[:number] + parts[number + 1 :]
        folds[f'fold{number}_train'] = sorted(name for one in others for name in one)
        folds[f'fold{number}_val'] = part
    return folds | lists


def _write(folder: Path, report: SplitReport, *, keep_test: bool) -> None:
    for name in _written(folder, report.options):
        if Path(name).stem not in report.lists:  # an older one
            (folder / name).unlink(missing_ok=True)
    for split, names in report.lists.items():
        if not (split == 'test' and keep_test):
            text = ''.join(f'{name}\n' for name in names)
            write_whole(os.fsencode(text), folder / f'{split}.txt')
    content = json.dumps(asdict(report), indent=2)
    write_whole(content.encode('utf-8', 'surrogateescape'), folder / REPORT)
