"""What a scan of a data set found, as text and as JSON; K is the number of classes."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np
from prettytable import PrettyTable

from .band_sums import BandSums

MAX_FILES = 50  # files listed per kind of fault; the JSON file holds all
REMEDY = ' Remedy: '  # stands in most messages before what to do
NUM_VALUES = 256  # of an 8-bit label


@dataclass(frozen=True)
class Finding:
    """One fault or one warning."""

    kind: str  # heading to group it under
    where: str  # the file, or the setting of the config
    message: str  # what is wrong, and the remedy


def _zeros() -> np.ndarray:
    return np.zeros(NUM_VALUES, np.int64)


@dataclass
class DatasetReport:
    """What was found in one data set; arrays ``(256,)`` count by label value."""

    name: str  # e.g. 'train: CamVidDataset'
    classes: tuple[str, ...] = ()  # empty if the data set does not know them
    ignore_index: int = 255
    num_samples: int = 0
    pixels: np.ndarray = field(default_factory=_zeros)
    images: np.ndarray = field(default_factory=_zeros)
    # Pixels that are not ignored in the images of each label value.
    pixels_there: np.ndarray = field(default_factory=_zeros)
    instances: np.ndarray | None = None  # None without panoptic ids
    bands: BandSums | None = None  # None without `LoadBands`
    sizes: Counter = field(default_factory=Counter)  # images by (H, W)
    # By the image's file, see `similar_images`.
    steps: dict[str, np.ndarray] = field(default_factory=dict)
    faults: list[Finding] = field(default_factory=list)  # what spoils a training
    warnings: list[Finding] = field(default_factory=list)  # what is suspicious
    measured: list = field(default_factory=list)  # of each sample, see scan_dataset

    @property
    def ignored_share(self) -> float:
        """Share of all labelled pixels that is ignored; 0 where there is none."""
        return float(self.pixels[self.ignore_index] / max(self.pixels.sum(), 1))

    def histogram(self) -> list[dict]:
        """Pixels, share of the pixels that count, images, and instances if known."""
        values = range(len(self.classes)) or np.flatnonzero(self.pixels).tolist()
        values = [value for value in values if value != self.ignore_index]
        counted, numbers = max(self.pixels[values].sum(), 1), self.instances
        return [
            dict(
                id=value,
                name=self.classes[value] if self.classes else str(value),
                pixels=int(self.pixels[value]),
                share=float(self.pixels[value] / counted),
                images=int(self.images[value]),
            )
            | ({} if numbers is None else dict(instances=int(numbers[value])))
            for value in values
        ]

    def _sizes(self) -> list[dict]:
        """Numbers of images per size, from the smallest to the largest."""
        sizes = sorted(self.sizes.items(), key=lambda item: item[0][0] * item[0][1])
        return [dict(height=h, width=w, images=count) for (h, w), count in sizes]

    def to_dict(self) -> dict:
        return dict(
            name=self.name,
            num_samples=self.num_samples,
            num_classes=len(self.classes),
            ignore_index=self.ignore_index,
            ignored_share=self.ignored_share,
            classes=self.histogram(),
            sizes=self._sizes(),
            bands=self.bands and self.bands.to_dict(),
            faults=[vars(finding) for finding in self.faults],
            warnings=[vars(finding) for finding in self.warnings],
        )

    def __str__(self) -> str:
        lines = [f'== {self.name}: {self.num_samples} images']
        if sizes := [f'{size["height"]}x{size["width"]}' for size in self._sizes()]:
            lines.append(
                f'image sizes (H x W): {sizes[0]} to {sizes[-1]}, '
                f'{len(sizes)} different'
            )
        if self.bands is not None:
            lines.append(str(self.bands))
        if self.pixels.any():
            lines += [self._table(), f'ignored: {self.ignored_share:.2%} of all pixels']
        lines += _grouped('warning', self.warnings) + _grouped('fault', self.faults)
        return '\n'.join(lines)

    def _table(self) -> str:
        rows = self.histogram()
        table = PrettyTable(['class' if n == 'name' else n for n in rows[0]])
        table.align, table.align['class'] = 'r', 'l'
        for row in rows:
            table.add_row((row | dict(share=f'{row["share"]:.3%}')).values())
        return str(table)


def _grouped(word: str, findings: list[Finding]) -> list[str]:
    groups = defaultdict(list)
    for finding in findings:
        groups[finding.kind].append(finding)
    lines = []
    for kind, group in groups.items():
        lines.append(f'{word}: {kind} ({len(group)})')
        lines += _listed([finding.message for finding in group[:MAX_FILES]])
        if len(group) > MAX_FILES:
            lines.append(f'  ... and {len(group) - MAX_FILES} more (--out lists all)')
    return lines


def _listed(messages: list[str]) -> list[str]:
    """List messages; a remedy of several comes once, after them."""
    parts = [message.partition(REMEDY) for message in messages]
    times = Counter(remedy for _, _, remedy in parts)
    lines = [
        f'  {what}' if times[remedy] > 1 else f'  {what}{mark}{remedy}'
        for what, mark, remedy in parts
    ]
    remedies = [remedy for remedy, count in times.items() if remedy and count > 1]
    return lines + [f' {REMEDY}{remedy}' for remedy in remedies]


@dataclass
class ScanReport:
    """What was found in all data sets of a config, and in the config itself."""

    datasets: list[DatasetReport] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def num_faults(self) -> int:
        return len(self.faults) + sum(len(d.faults) for d in self.datasets)

    def to_dict(self) -> dict:
        return dict(
            num_faults=self.num_faults,
            faults=[vars(finding) for finding in self.faults],
            notes=self.notes,
            datasets=[report.to_dict() for report in self.datasets],
        )

    def __str__(self) -> str:
        num_warnings = sum(len(d.warnings) for d in self.datasets)
        lines = [*map(str, self.datasets), *self.notes]
        lines += _grouped('fault in the config', self.faults)
        return '\n'.join([*lines, f'{self.num_faults} faults, {num_warnings} warnings'])
