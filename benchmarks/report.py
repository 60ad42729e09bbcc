"""Tables in Markdown, written after each row, and the machine they were measured on."""

import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.core_count import core_count
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import write_json

from .case import Columns, Row

_SECONDS = re.compile(r', (m?s|images/s)\b')
START, END = '<!-- table {}: start -->', '<!-- table {}: end -->'


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return the processor, memory, versions and settings that determine times."""
    info = Path('/proc/cpuinfo')
    text = info.read_text() if info.is_file() else ''
    name = re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE)
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    return dict(
        gpu=torch.cuda.get_device_name(device) if device.type == 'cuda' else None,
        cpu=name[1] if name else platform.processor() or 'unknown processor',
        cores=core_count(),
        vector_unit=torch.backends.cpu.get_cpu_capability(),
        memory_gb=round(memory / 1e9),
        threads=torch.get_num_threads(),
        python=platform.python_version(),
        torch=torch.__version__,
        load_average=round(os.getloadavg()[0], 2),
    )


def machine_text(machine: dict[str, Any]) -> str:
    """Describe the machine in a sentence."""
    gpu = f'{machine["gpu"]}, ' if machine['gpu'] else ''
    return gpu + (
        '{cores} cores of {cpu} ({vector_unit}), {memory_gb} GB, {threads} thread{s}, '
        'Python {python}, PyTorch {torch}, load average at the start {load_average}'
    ).format(**machine, s='' if machine['threads'] == 1 else 's')


def markdown_table(
    columns: Mapping[str, Callable[[Any], str]], rows: Iterable[Any]
) -> str:
    """Return a table in Markdown; a column is a function from a row to a text."""
    table = [list(columns), ['---'] * len(columns)]
    table += [[cell(row) for cell in columns.values()] for row in rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in table)


def markdown(result: dict[str, Any], columns: Columns) -> str:
    """Return command, machine and table of a result.

    Columns of seconds are shown only for a GPU: those of a CPU say nothing elsewhere.
    """
    if not result['machine'].get('gpu'):
        columns = {h: cell for h, cell in columns.items() if not _SECONDS.search(h)}
    return (
        f'```bash\n{result["command"]}\n```\n\n{machine_text(result["machine"])}. '
        f'Float32 matrix product: {result["rate"] / 1e9:.0f} G multiply-adds/s.\n\n'
        f'{markdown_table(columns, result["rows"])}'
    )


def write_result(
    result: dict[str, Any],
    columns: Columns,
    folder: str | Path,
    name: str,
    document: str | Path | None = None,
) -> str:
    """Write ``NAME.json``, ``NAME.md`` and a document's table; return the Markdown."""
    text = markdown(result, columns)
    write_json(Path(folder) / f'{name}.json', result)
    write_whole(text.encode() + b'\n', Path(folder) / f'{name}.md')
    if document is not None:
        write_into(document, f'benchmark {name}', text)
    return text


def write_into(document: str | Path, name: str, text: str) -> None:
    """Replace what is between the two marks of a table in a Markdown file."""
    document = Path(document)
    start, end = START.format(name), END.format(name)
    before, found, rest = document.read_text().partition(start)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise InputError(f'{document} has no lines {start!r} and {end!r}: add them')
    write_whole(f'{before}{start}\n\n{text}\n\n{end}{after}'.encode(), document)


def digits(value: float) -> str:
    """Return a number with three digits, none of them behind a point from 100 on."""
    return f'{value:.0f}' if value >= 100 else f'{value:.3g}'


def column(
    number: Callable[[Row], Any], text: Callable[[Any], str] = digits
) -> Callable[[Row], str]:
    """Return a column with a number of the row, ``-`` where it is missing or None."""

    def cell(row: Row) -> str:
        try:
            return text(number(row))
        except (KeyError, TypeError):
            return '-'

    return cell


def errors_text(row: Row) -> str:
    """Return the errors with their names."""
    parts = (f'{name} {value:.1g}' for name, value in row['errors'].items())
    return ', '.join(parts) or '-'


def per_pixel(role: str) -> Callable[[Row], str]:
    """Return a column with the peak memory of stock or ours in bytes per pixel."""
    return column(lambda row: row[role]['peak_bytes'] / row['facts']['pixels'])


def rate_of(role: str) -> Callable[[Row], str]:
    """Return a column with the images per second of stock or ours."""
    return column(
        lambda row: row['facts']['images'] / row[role]['seconds']['median'],
        '{:.1f}'.format,
    )


RATIO = {
    'times faster (range)': column(
        lambda row: row['ratio'], '**{median:.2f}** ({min:.2f} - {max:.2f})'.format_map
    )
}
TIMES = {
    'stock, ms': column(lambda row: 1e3 * row['stock']['seconds']['median']),
    'ours, ms': column(lambda row: 1e3 * row['ours']['seconds']['median']),
    **RATIO,
}
MEMORY = {
    'stock, MB': column(lambda row: row['stock']['peak_bytes'] / 1e6),
    'ours, MB': column(lambda row: row['ours']['peak_bytes'] / 1e6),
    'times less memory': column(lambda row: row['memory_ratio'], '{:.1f}'.format),
}
LIMIT = {
    'multiply-adds, G': column(lambda row: row['multiply_adds'] / 1e9 or None),
    'of the limit': lambda row: f'{100 * row["fraction_of_limit"]:.1f} %',
}


def columns_of(first: Sequence[str], last: Columns) -> Columns:
    """Return columns of group and name (with these headings), times, memory, more."""
    names = (lambda row: row['group'], lambda row: row['name'])
    return {**dict(zip(first, names, strict=True)), **TIMES, **MEMORY, **last}
