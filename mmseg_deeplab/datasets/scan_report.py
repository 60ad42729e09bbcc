"""What a scan of a data set found, as text and as JSON.

``K`` is the number of classes.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from prettytable import PrettyTable

MAX_FILES = 50  # files listed per kind of fault; the JSON file holds all
NUM_VALUES = 256  # of an 8-bit label


@dataclass(frozen=True)
class Finding:
    """One fault or one warning.

    Args:
        kind: Heading to group it under.
        where: The file, or the setting of the config.
        message: What is wrong, and the remedy.
    """

    kind: str
    where: str
    message: str


@dataclass
class DatasetReport:
    """What was found in one data set.

    Args:
        name: E.g. ``'train: CamVidDataset'``.
        classes: Names of the K classes; empty if the data set does not know them.
        ignore_index: The label value that is not counted.
        num_samples: Number of images.
        pixels: Pixels per label value, ``(256,)``.
        images: Images per label value, ``(256,)``.
        pixels_there: Pixels that are not ignored in the images of each label value,
            ``(256,)``.
        sizes: Number of images per size ``(H, W)``.
        faults: What stops or spoils a training.
        warnings: What is suspicious.
    """

    name: str
    classes: tuple[str, ...] = ()
    ignore_index: int = 255
    num_samples: int = 0
    pixels: np.ndarray = field(default_factory=lambda: np.zeros(NUM_VALUES, np.int64))
    images: np.ndarray = field(default_factory=lambda: np.zeros(NUM_VALUES, np.int64))
    pixels_there: np.ndarray = field(
        default_factory=lambda: np.zeros(NUM_VALUES, np.int64)
    )
    sizes: Counter = field(default_factory=Counter)
    faults: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    @property
    def ignored_share(self) -> float:
        """Share of all labelled pixels that is ignored; 0 where there is none."""
        return float(self.pixels[self.ignore_index] / max(self.pixels.sum(), 1))

    def histogram(self) -> list[dict]:
        """Pixels, share of the pixels that count, and images of every class."""
        values = range(len(self.classes)) or np.flatnonzero(self.pixels).tolist()
        values = [value for value in values if value != self.ignore_index]
        counted = max(self.pixels[values].sum(), 1)
        return [
            dict(
                id=value,
                name=self.classes[value] if self.classes else str(value),
                pixels=int(self.pixels[value]),
                share=float(self.pixels[value] / counted),
                images=int(self.images[value]),
            )
            for value in values
        ]

    def to_dict(self) -> dict:
        """Everything, in types that JSON knows."""
        sizes = sorted(self.sizes.items(), key=lambda item: item[0][0] * item[0][1])
        return dict(
            name=self.name,
            num_samples=self.num_samples,
            num_classes=len(self.classes),
            ignore_index=self.ignore_index,
            ignored_share=self.ignored_share,
            classes=self.histogram(),
            sizes=[dict(height=h, width=w, images=n) for (h, w), n in sizes],
            faults=[vars(finding) for finding in self.faults],
            warnings=[vars(finding) for finding in self.warnings],
        )

    def __str__(self) -> str:
        lines = [f'== {self.name}: {self.num_samples} images', self._size_line()]
        if self.pixels.any():
            lines += [self._table(), f'ignored: {self.ignored_share:.2%} of all pixels']
        lines += _grouped('warning', self.warnings) + _grouped('fault', self.faults)
        return '\n'.join(line for line in lines if line)

    def _size_line(self) -> str:
        if not self.sizes:
            return ''
        small, large = (f(self.sizes, key=lambda s: s[0] * s[1]) for f in (min, max))
        return (
            f'image sizes (H x W): {small[0]}x{small[1]} to {large[0]}x{large[1]}, '
            f'{len(self.sizes)} different'
        )

    def _table(self) -> str:
        table = PrettyTable(['id', 'class', 'pixels', 'share', 'images'])
        table.align = 'r'
        table.align['class'] = 'l'
        for row in self.histogram():
            share = f'{row["share"]:.3%}'
            table.add_row([row['id'], row['name'], row['pixels'], share, row['images']])
        return str(table)


def _grouped(word: str, findings: list[Finding]) -> list[str]:
    """List findings by kind, file by file."""
    groups = defaultdict(list)
    for finding in findings:
        groups[finding.kind].append(finding)
    lines = []
    for kind, group in groups.items():
        lines.append(f'{word}: {kind} ({len(group)})')
        lines += [f'  {finding.message}' for finding in group[:MAX_FILES]]
        if len(group) > MAX_FILES:
            lines.append(f'  ... and {len(group) - MAX_FILES} more (--out lists all)')
    return lines


@dataclass
class ScanReport:
    """What was found in all data sets of a config, and in the config itself."""

    datasets: list[DatasetReport] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def num_faults(self) -> int:
        """Faults of the config and of all its data sets."""
        return len(self.faults) + sum(len(d.faults) for d in self.datasets)

    def to_dict(self) -> dict:
        """Everything, in types that JSON knows."""
        return dict(
            num_faults=self.num_faults,
            faults=[vars(finding) for finding in self.faults],
            notes=self.notes,
            datasets=[report.to_dict() for report in self.datasets],
        )

    def __str__(self) -> str:
        num_warnings = sum(len(d.warnings) for d in self.datasets)
        parts = [str(report) for report in self.datasets]
        parts += self.notes
        parts += _grouped('fault in the config', self.faults)
        parts.append(f'{self.num_faults} faults, {num_warnings} warnings')
        return '\n'.join(parts)
