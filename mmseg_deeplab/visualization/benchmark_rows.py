"""Rows of numbers with names, from whatever this project writes of benchmarks."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_REMEDY = (
    'Give the work folder of tools/benchmark_table.py or a row.json in it, the JSON of '
    'tools/benchmark.py, a model index such as configs/metafile.yml, or a Markdown '
    'file with tables such as docs/benchmarks.md'
)
_RULE = re.compile(r'\|?[ :|-]*-[ :|-]*')


@dataclass(frozen=True)
class Row:
    """A point of the scatter plot.

    Args:
        name: What it is.
        group: What it shares its mark and colour with; may be empty.
        numbers: All its figures by name, those inside of others with dots.
    """

    name: str
    group: str
    numbers: dict[str, float]


def read_benchmark_rows(source: str | Path) -> list[Row]:
    """Read the rows of a benchmark; see :data:`_REMEDY` for what there is.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If it holds no rows.
    """
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f'{source}: no such file or folder. {_REMEDY}')
    read = {'.yml': _of_index, '.yaml': _of_index, '.md': _of_markdown}
    try:
        if source.is_dir():
            files = sorted(source.glob('*/row.json'))
            rows = [_of_table(json.loads(file.read_text())) for file in files]
        else:
            text = source.read_text()
            rows = list(read.get(source.suffix, _of_json)(text))
    except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        what = f'{type(error).__name__}: {" ".join(str(error).split())}'
        raise ValueError(f'{source}: holds no benchmark ({what}). {_REMEDY}') from error
    if not rows:
        raise ValueError(f'{source}: holds no rows of a benchmark. {_REMEDY}')
    return rows


def _of_json(text: str) -> Iterator[Row]:
    content = json.loads(text)
    if 'rows' not in content:
        yield _of_table(content)
        return
    for row in content['rows']:
        numbers = dict(_numbers(row))
        if not numbers.get('multiply_adds'):  # 0 stands for none that could be counted
            numbers.pop('multiply_adds', None)
        yield Row(row['name'], row.get('group', ''), numbers)


def _of_table(row: dict[str, Any]) -> Row:
    """Read a row of ``tools/benchmark_table.py``."""
    group = 'ImageNet weights' if row['weights'] == 'ImageNet' else 'from scratch'
    return Row(row['config'], group, dict(_numbers(row)))


def _of_index(text: str) -> Iterator[Row]:
    """Read the results in a model index of OpenMMLab."""
    for model in yaml.safe_load(text)['Models']:
        for result in model.get('Results') or ():
            parts = (model.get('Metadata') or {}, result['Metrics'])
            numbers = dict(pair for part in parts for pair in _numbers(part))
            yield Row(model['Name'], result.get('Dataset', ''), numbers)


def _of_markdown(text: str) -> Iterator[Row]:
    """Read the tables; the first column holds the names, the headings name the others.

    Each table is a group, called by the heading above it.
    """
    lines, section = text.splitlines(), ''
    for number, line in enumerate(lines):
        section = line.lstrip('# ') if line.startswith('#') else section
        if '|' not in line or not _RULE.fullmatch(line.strip()) or not number:
            continue
        heads = _cells(lines[number - 1])
        for below in lines[number + 1 :]:
            if '|' not in below:
                break
            name, *cells = _cells(below)
            found = zip(heads[1:], map(_number, cells), strict=False)
            yield Row(name, section, {h: v for h, v in found if v is not None})


def _cells(line: str) -> list[str]:
    cells = (cell.strip() for cell in line.strip().strip('|').split('|'))
    return [re.sub(r'[`*]|\[([^]]*)\]\([^)]*\)', r'\1', cell) for cell in cells]


def _number(cell: str) -> float | None:
    """Return the number a cell begins with, such as 3.1 of ``3.1x (2.9 - 3.3)``."""
    match = re.match(r'-?\d+(\.\d+)?', cell)
    return float(match.group()) if match else None


def _numbers(node: dict[str, Any], path: str = '') -> Iterator[tuple[str, float]]:
    """Yield all numbers in nested dicts with their dotted names."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _numbers(value, f'{path}{key}.')
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f'{path}{key}', float(value)


def select(rows: Sequence[Row], only: Sequence[str]) -> list[Row]:
    """Return the rows whose name or group contains one of some texts; all for none."""
    return [
        row
        for row in rows
        if not only or any(text in row.name or text in row.group for text in only)
    ]
