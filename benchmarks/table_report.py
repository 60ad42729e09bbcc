"""A comparison table: Markdown out of finished rows."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

START, END = '<!-- table {}: start -->', '<!-- table {}: end -->'


def read_rows(work_dir: str | Path) -> list[dict[str, Any]]:
    """Return the finished rows of a table's work folder, best mIoU first.

    Raises:
        FileNotFoundError: If there is none.
    """
    files = sorted(Path(work_dir).glob('*/row.json'))
    if not files:
        raise FileNotFoundError(f'{work_dir}: no */row.json, so no row is finished')
    rows = [json.loads(file.read_text()) for file in files]
    return sorted(rows, key=lambda row: -row['mIoU'])


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table."""
    columns = {
        'config': lambda row: f'`{row["config"]}`',
        'ImageNet weights': lambda row: 'yes' if row['weights'] == 'ImageNet' else 'no',
        'mIoU': lambda row: score(row, 'mIoU'),
        'scales + flip': lambda row: score(row, 'mIoU_tta'),
        'output stride 8': lambda row: score(row, 'mIoU_os8'),
        'aAcc': lambda row: score(row, 'aAcc'),
        'parameters, M': lambda row: f'{row["parameters"] / 1e6:.2f}',
        'multiply-adds, G': lambda row: f'{row["multiply_adds"] / 1e9:.2f}',
    }
    table = [list(columns), ['---'] * len(columns)]
    table += [[cell(row) for cell in columns.values()] for row in rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in table)


def score(row: dict[str, Any], name: str) -> str:
    """Return a figure in percent, ``-`` where there is none."""
    value = row.get(name)
    return '-' if value is None else f'{value:.2f}'


def protocol_text(rows: Sequence[dict[str, Any]]) -> str:
    """Say what all rows share, from the rows themselves."""
    row = rows[0]
    crop, image = ('x'.join(map(str, row[key])) for key in ('crop_size', 'image_size'))
    scales = ', '.join(f'{scale:g}' for scale in row['tta_scales']) or 'none'
    schedule = f'schedule `{row["schedule"]}`' if row['schedule'] else 'own schedules'
    return (
        f'{row["steps"]} steps of {row["batch_size"]} crops of {crop}, {schedule}; '
        f'tested on whole images of {image}, to which the multiply-adds belong; scales '
        f'of the second evaluation: {scales}.'
    )


def write_into(document: str | Path, name: str, text: str) -> None:
    """Replace what stands between a document's two marks of a table.

    Args:
        document: Markdown file.
        name: Of the table, in the marks.
        text: Goes between them.

    Raises:
        ValueError: If the marks are not there.
    """
    document = Path(document)
    start, end = START.format(name), END.format(name)
    before, found, rest = document.read_text().partition(start)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise ValueError(f'{document} has no lines {start!r} and {end!r}: add them')
    document.write_text(f'{before}{start}\n\n{text}\n\n{end}{after}')
