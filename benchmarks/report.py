"""JSON, Markdown and a picture of a benchmark."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .chart import draw_chart
from .machine import machine_text
from .table_report import write_into

_SECONDS = re.compile(r', (m?s|images/s)\b')
Columns = Mapping[str, Callable[[dict[str, Any]], str]]
NONE = '-'


class Picture(NamedTuple):
    """A PNG file that was written.

    Args:
        path: Of it.
        name: That it gets beside a document.
        text: Says what it shows.
    """

    path: Path
    name: str
    text: str


# From a result, a folder and the name of the files to pictures.
Draw = Callable[[dict[str, Any], Path, str], Sequence[Picture]]


def draw_bars(result: dict[str, Any], folder: Path, name: str) -> list[Picture]:
    """Write the bar chart, ``NAME.png``."""
    path = folder / f'{name}.png'
    draw_chart(result, path)
    return [Picture(path, f'benchmark_{name}.png', f'{name}: stock against ours')]


def write_report(
    result: dict[str, Any],
    columns: Columns,
    folder: str | Path,
    *,
    name: str | None = None,
    document: str | Path | None = None,
    draw: Draw = draw_bars,
) -> str:
    """Write ``NAME.json``, ``NAME.md`` and pictures.

    Args:
        result: From :func:`run_benchmark`.
        columns: Of the table: from a row to the text of a cell, by heading.
        folder: Gets the files.
        name: Of the files; that of the benchmark.
        document: A Markdown file that gets the text between its marks
            ``<!-- table benchmark NAME: start -->`` and ``end``, and the pictures in
            ``images`` beside it.
        draw: Writes the pictures.

    Returns:
        The Markdown text.

    Raises:
        FileNotFoundError: If there is no such document.
        ValueError: If the marks are not there.
    """
    name = name or result['benchmark']
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown(result, columns)
    (folder / f'{name}.json').write_text(json.dumps(result, indent=1) + '\n')
    (folder / f'{name}.md').write_text(text + '\n')
    pictures = draw(result, folder, name)
    if document is not None:
        _into_document(Path(document), name, text, pictures)
    return text


def _into_document(
    document: Path, name: str, text: str, pictures: Sequence[Picture]
) -> None:
    if not document.is_file():
        raise FileNotFoundError(f'{document}: no such document; give an existing one')
    links = [f'![{picture.text}](images/{picture.name})' for picture in pictures]
    write_into(document, f'benchmark {name}', '\n\n'.join([text, *links]))
    images = document.parent / 'images'
    images.mkdir(exist_ok=True)
    for picture in pictures:
        (images / picture.name).write_bytes(picture.path.read_bytes())


def markdown(result: dict[str, Any], columns: Columns) -> str:
    """Return command, machine and table.

    Times on a CPU depend on the machine too much to be compared with those of others:
    columns of seconds are shown for a GPU alone. ``NAME.json`` has them all.
    """
    limits = result['limits']
    if not result['machine'].get('gpu'):
        columns = {h: cell for h, cell in columns.items() if not _SECONDS.search(h)}
    table = [list(columns), ['---'] * len(columns)]
    table += [[cell(row) for cell in columns.values()] for row in result['rows']]
    lines = (f'| {" | ".join(line)} |' for line in table)
    return (
        f'```bash\n{result["command"]}\n```\n\n'
        f"{machine_text(result['machine'])}. The machine's limits, measured in the "
        f'same run: {limits["multiply_adds"] / 1e9:.0f} G multiply-adds/s (float32 '
        f'matrix product), {limits["bandwidth"] / 1e9:.1f} GB/s (copy, read plus '
        'written).\n\n' + '\n'.join(lines)
    )


def seconds_text(row: dict[str, Any], role: str, *, unit: float = 1.0) -> str:
    """Return a side's median; its phases in brackets.

    Args:
        row: Of the benchmark.
        role: ``'stock'`` or ``'ours'``.
        unit: In seconds.
    """
    if role not in row:
        return NONE
    medians = {
        phase: digits(values['median'] / unit)
        for phase, values in row[role]['seconds'].items()
    }
    total = medians.pop('total')
    return f'{total} ({" + ".join(medians.values())})' if medians else total


def ratio_text(row: dict[str, Any]) -> str:
    """Return the ratio of the times with its range."""
    ratio = row['ratio']
    if ratio is None:
        return NONE
    return f'**{ratio["median"]:.2f}** ({ratio["min"]:.2f} - {ratio["max"]:.2f})'


def megabytes_text(row: dict[str, Any], role: str) -> str:
    """Return a side's peak memory in MB."""
    peak = row[role]['peak_bytes'] if role in row else None
    return NONE if peak is None else digits(peak / 1e6)


def memory_ratio_text(row: dict[str, Any]) -> str:
    """Return how many times less memory ours takes."""
    ratio = row['memory_ratio']
    return NONE if ratio is None else f'{ratio:.1f}'


def limit_text(row: dict[str, Any]) -> str:
    """Return the fraction of the machine's limit that ours reaches."""
    return f'{100 * row["fraction_of_limit"]:.1f} %'


def multiply_adds_text(row: dict[str, Any]) -> str:
    """Return the multiply-adds in G."""
    count = row['multiply_adds']
    return NONE if count == 0 else digits(count / 1e9)


def errors_text(row: dict[str, Any]) -> str:
    """Return the errors with their names."""
    parts = (f'{name} {value:.1g}' for name, value in row['errors'].items())
    return ', '.join(parts) or NONE


def digits(value: float) -> str:
    """Return a number with three digits, none of them behind a point from 100 on."""
    return f'{value:.0f}' if value >= 100 else f'{value:.3g}'
