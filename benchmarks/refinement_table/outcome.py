"""What a table of refinements leaves in a folder."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.table_report import write_into
from mmseg_deeplab.crf_tuning.tuning_images import ImageSet
from mmseg_deeplab.inference.output import write_png
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.visualization import plot_trimap

from .measure import Refiner, Result
from .pictures import draw_changes
from .text import class_table, crf_table, markdown, notes
from .variants import checkpoint_name, shown, slug


@dataclass(frozen=True)
class Outcome:
    """Results, and what they were measured on.

    Args:
        config: Name of the config.
        checkpoint: File of the weights.
        images: The images.
        results: One per variant, the plain network first.
    """

    config: str
    checkpoint: str
    images: ImageSet
    results: Sequence[Result]

    def find(self, name: str) -> Result:
        """Return the result of a variant."""
        return next(r for r in self.results if r.variant.name == name)

    def text(self) -> str:
        """Return everything in Markdown."""
        parts = [self.protocol(), markdown(self.results), class_table(self.results)]
        parts.append(crf_table(self.results))
        if found := notes(self.results):
            parts.append('\n'.join(f'- {note}' for note in found))
        return '\n\n'.join(parts)

    def protocol(self) -> str:
        """Say in a sentence what was measured."""
        images, report = self.images, self.results[0].report
        total = len(images.dataset)
        count = f'{len(images)} of {total}' if len(images) < total else f'all {total}'
        mean = (
            f'; means over {", ".join(report["classes"])}'
            if 'classes' in report
            else ''
        )
        return (
            f'`{self.config}` with `{checkpoint_name(self.checkpoint)}`, {count} '
            f'images of the {images.split} split, each at its own size; figures in '
            f'percent{mean}; bands around {report["trimap"]["around"]}.'
        )

    def content(self) -> dict[str, Any]:
        """Return everything for a JSON file."""
        return dict(
            config=self.config,
            checkpoint=self.checkpoint,
            split=self.images.split,
            images=self.images.paths(),
            variants=[asdict(result) for result in self.results],
        )


def write_outcome(
    outcome: Outcome,
    refiner: Refiner,
    folder: Path,
    *,
    rows: int = 3,
    document: str | None = None,
    name: str = 'refinement',
) -> dict[str, Path]:
    """Write table, curve and pictures.

    Args:
        outcome: What to write.
        refiner: What the results were made with; it draws the sheet.
        folder: Where to.
        rows: Of the sheet, see :func:`most_changed`.
        document: Markdown file that gets the table, between its two marks.
        name: Of the table in the marks.

    Returns:
        The files by what they hold.

    Raises:
        ValueError: If the document has no such marks.
    """
    files = {
        'figures': folder / 'table.json',
        'table': folder / 'table.md',
        'trimap': folder / 'trimap.png',
        'sheet': folder / 'sheet.png',
    }
    text = json.dumps(outcome.content(), indent=1)
    write_whole(text.encode() + b'\n', files['figures'])
    write_whole(outcome.text().encode() + b'\n', files['table'])
    _draw_curves(outcome, folder, files['trimap'])
    after = shown([result.variant for result in outcome.results])
    before = outcome.find(after.base)
    images = outcome.images
    write_png(
        files['sheet'],
        draw_changes(refiner, images, before, outcome.find(after.name), rows=rows),
    )
    if document:
        write_into(document, name, outcome.text())
    return files


def _draw_curves(outcome: Outcome, folder: Path, path: Path) -> None:
    reports = []
    for result in outcome.results:
        reports.append(folder / 'reports' / f'{slug(result.variant.name)}.json')
        write_whole(json.dumps(result.report, indent=1).encode() + b'\n', reports[-1])
    names = [result.variant.name for result in outcome.results]
    plot_trimap(reports, path, labels=names, title=outcome.config)
