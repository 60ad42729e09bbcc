"""Tables in Markdown, written after each row, and the machine they were measured on."""

import json
import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from mmseg_deeplab.utils.atomic_files import write_whole

from .case import Row

_SECONDS = re.compile(r', (m?s|images/s)\b')
START, END = '<!-- table {}: start -->', '<!-- table {}: end -->'
NONE = '-'


def describe_machine(device: torch.device) -> dict[str, Any]:
    """Return the processor, memory, versions and settings that determine times."""
    info = Path('/proc/cpuinfo')
    text = info.read_text() if info.is_file() else ''
    name = re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE)
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    on_gpu = device.type == 'cuda'
    return dict(
        gpu=torch.cuda.get_device_name(device) if on_gpu else None,
        cpu=name[1] if name else platform.processor() or 'unknown processor',
        cores=len(os.sched_getaffinity(0)),
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
        '{cores} cores of {cpu} ({vector_unit}), {memory_gb} GB, {threads} threads, '
        'Python {python}, PyTorch {torch}, load average at the start {load_average}'
    ).format(**machine)


def markdown_table(
    columns: Mapping[str, Callable[[Any], str]], rows: Iterable[Any]
) -> str:
    """Return a table in Markdown; a column is a function from a row to a text."""
    table = [list(columns), ['---'] * len(columns)]
    table += [[cell(row) for cell in columns.values()] for row in rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in table)


def markdown(
    result: dict[str, Any], columns: Mapping[str, Callable[[Row], str]]
) -> str:
    """Return command, machine and table of a result.

    Times on a CPU depend too much on the machine to be compared with those of others.
    So columns of seconds are shown only for a GPU; the JSON file has them all.
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
    columns: Mapping[str, Callable[[Row], str]],
    folder: str | Path,
    name: str,
    document: str | Path | None = None,
) -> str:
    """Write ``NAME.json`` and ``NAME.md``, and the table into a document.

    Returns:
        The Markdown text.
    """
    text = markdown(result, columns)
    content = json.dumps(result, indent=1).encode() + b'\n'
    write_whole(content, Path(folder) / f'{name}.json')
    write_whole(text.encode() + b'\n', Path(folder) / f'{name}.md')
    if document is not None:
        write_into(document, f'benchmark {name}', text)
    return text


def write_into(document: str | Path, name: str, text: str) -> None:
    """Replace what is between the two marks of a table in a Markdown file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it lacks the lines ``<!-- table NAME: start -->`` and ``end``.
    """
    document = Path(document)
    start, end = START.format(name), END.format(name)
    before, found, rest = document.read_text().partition(start)
    _, also, after = rest.partition(end)
    if not (found and also):
        raise ValueError(f'{document} has no lines {start!r} and {end!r}: add them')
    write_whole(f'{before}{start}\n\n{text}\n\n{end}{after}'.encode(), document)


def digits(value: float) -> str:
    """Return a number with three digits, none of them behind a point from 100 on."""
    return f'{value:.0f}' if value >= 100 else f'{value:.3g}'


def seconds_of(role: str, *, unit: float = 1.0) -> Callable[[Row], str]:
    """Return a column with the median time of stock or ours in a unit of seconds."""
    return lambda row: (
        digits(row[role]['seconds']['median'] / unit) if role in row else NONE
    )


def peak_of(role: str) -> Callable[[Row], str]:
    """Return a column with the peak memory of stock or ours in MB."""

    def cell(row: Row) -> str:
        peak = row[role]['peak_bytes'] if role in row else None
        return NONE if peak is None else digits(peak / 1e6)

    return cell


def ratio_text(row: Row) -> str:
    """Return the ratio of the times with its range."""
    ratio = row['ratio']
    if ratio is None:
        return NONE
    return f'**{ratio["median"]:.2f}** ({ratio["min"]:.2f} - {ratio["max"]:.2f})'


def errors_text(row: Row) -> str:
    """Return the errors with their names."""
    parts = (f'{name} {value:.1g}' for name, value in row['errors'].items())
    return ', '.join(parts) or NONE


def per_pixel(row: Row, role: str) -> str:
    """Return the peak memory of stock or ours in bytes per pixel."""
    peak = row[role]['peak_bytes'] if role in row else None
    return NONE if peak is None else digits(peak / row['facts']['pixels'])


TIMES = {
    'stock, ms': seconds_of('stock', unit=1e-3),
    'ours, ms': seconds_of('ours', unit=1e-3),
    'times faster (range)': ratio_text,
}
MEMORY = {
    'stock, MB': peak_of('stock'),
    'ours, MB': peak_of('ours'),
    'times less memory': lambda row: (
        f'{row["memory_ratio"]:.1f}' if row['memory_ratio'] else NONE
    ),
}
LIMIT = {
    'multiply-adds, G': lambda row: (
        digits(row['multiply_adds'] / 1e9) if row['multiply_adds'] else NONE
    ),
    'of the limit': lambda row: f'{100 * row["fraction_of_limit"]:.1f} %',
}


def columns_of(
    first: Sequence[str], last: Mapping[str, Callable[[Row], str]]
) -> dict[str, Callable[[Row], str]]:
    """Return columns of group and name (with these headings), times, memory, more."""
    names = (lambda row: row['group'], lambda row: row['name'])
    return {**dict(zip(first, names, strict=True)), **TIMES, **MEMORY, **last}
