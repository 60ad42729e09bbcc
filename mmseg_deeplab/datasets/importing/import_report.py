"""What an import has written, and what it has left out."""

from collections import Counter
from dataclasses import dataclass, field

MAX_LISTED = 20  # files that are left out, in the printed report


@dataclass
class ImportReport:
    """Counts of an import; ``import.json`` holds all of it."""

    source: str  # the folder that was read
    format: str
    out: str  # the folder that was written
    labels_file: str = ''  # the class list in it
    splits: Counter = field(default_factory=Counter)  # numbers of images
    chosen_splits: str = ''  # whether the source has splits, or how they were chosen
    objects: Counter = field(default_factory=Counter)  # by class
    pixels: Counter = field(default_factory=Counter)  # by class
    ignored_pixels: int = 0  # not counted (255)
    without_class: Counter = field(default_factory=Counter)  # objects, by reason
    passed_over: Counter = field(default_factory=Counter)  # those without area, by kind
    empty_objects: int = 0  # without a pixel in the image
    overlaps: int = 0  # pixels that objects of several classes share
    without_objects: list[str] = field(default_factory=list)  # images
    without_annotation: int = 0  # images in the folder
    left_out: dict[str, str] = field(default_factory=dict)  # files and images, and why

    def to_dict(self) -> dict:
        return dict(vars(self))

    def __str__(self) -> str:
        splits = ', '.join(f'{name} {count}' for name, count in self.splits.items())
        total = sum(self.pixels.values()) + self.ignored_pixels
        lines = [
            f'{self.source}: {self.format}; {self.splits.total()} images, '
            f'{self.objects.total()} objects -> {self.out}',
            f'splits: {splits} ({self.chosen_splits})',
            f'classes ({self.labels_file}):',
        ]
        for name, pixels in self.pixels.items():
            share = f'{100 * pixels / total:.2f} %'
            lines.append(
                f'  {name}: {self.objects[name]} objects, {share} of the pixels'
            )
        for kind, count in self.without_class.items():
            lines.append(f'not counted (255): {count} objects: {kind}')
        for kind, count in self.passed_over.items():
            lines.append(f'passed over, without an area: {count} of {kind}')
        counts = {
            'pixels that are not counted (255)': self.ignored_pixels,
            'objects without a pixel in their image': self.empty_objects,
            'pixels that objects of several classes share': self.overlaps,
            'images without objects': len(self.without_objects),
            'images that no annotation names, not imported': self.without_annotation,
            'files and images left out': len(self.left_out),
        }
        lines += [f'{what}: {count}' for what, count in counts.items() if count]
        left = list(self.left_out.items())
        lines += [f'  {place}: {why}' for place, why in left[:MAX_LISTED]]
        if len(left) > MAX_LISTED:
            lines.append(f'  and {len(left) - MAX_LISTED} more, see import.json')
        return '\n'.join(lines)
