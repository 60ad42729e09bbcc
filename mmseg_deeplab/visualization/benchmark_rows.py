"""Rows of named numbers, read from the files that benchmarks of this project write."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_REMEDY = (
    'Give the work folder of `python -m benchmarks table` or a row.json in it, the '
    'JSON file of another benchmark, a model index such as configs/metafile.yml, or a '
    'Markdown file with tables such as docs/benchmarks.md'
)
_RULE = re.compile(r'\|?[ :|-]*-[ :|-]*')  # the line below the headings of a table


class Row(NamedTuple):
    """One point of a scatter plot.

    Args:
        name: Its name.
        group: Rows of one group share marker and colour; may be empty.
        numbers: All numbers by name; the names of nested ones have dots.
    """

    name: str
    group: str
    numbers: dict[str, float]


def read_benchmark_rows(source: str | Path) -> list[Row]:
    """Read the rows of a benchmark; :data:`_REMEDY` lists the kinds of sources.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If it holds no rows.
    """
    source = Path(source)
    if not source.exists():
        raise FileNotFoundError(f'{source}: no such file or folder. {_REMEDY}')
    read = {'.yml': _from_index, '.yaml': _from_index, '.md': _from_markdown}
    try:
        if source.is_dir():
            texts = [file.read_text() for file in sorted(source.glob('*/row.json'))]
            rows = [row for text in texts for row in _from_json(text)]
        else:
            rows = list(read.get(source.suffix, _from_json)(source.read_text()))
    except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        what = f'{type(error).__name__}: {" ".join(str(error).split())}'
        raise ValueError(f'{source}: holds no benchmark ({what}). {_REMEDY}') from error
    if not rows:
        raise ValueError(f'{source}: holds no rows of a benchmark. {_REMEDY}')
    return rows


def _from_json(text: str) -> Iterator[Row]:
    content = json.loads(text)
    if 'rows' not in content:  # one row of the results table
        scratch = content['weights'] != 'ImageNet'
        group = 'from scratch' if scratch else 'ImageNet weights'
        yield Row(content['config'], group, dict(_numbers(content)))
        return
    for row in content['rows']:
        numbers = dict(_numbers(row))
        if not numbers.get('multiply_adds'):  # 0: they could not be counted
            numbers.pop('multiply_adds', None)
        yield Row(row['name'], row.get('group', ''), numbers)


def _from_index(text: str) -> Iterator[Row]:
    """Read the results in a model index of OpenMMLab."""
    for model in yaml.safe_load(text)['Models']:
        for result in model.get('Results') or ():
            numbers = dict(_numbers(model.get('Metadata') or {}))
            numbers |= _numbers(result['Metrics'])
            yield Row(model['Name'], result.get('Dataset', ''), numbers)


def _from_markdown(text: str) -> Iterator[Row]:
    """Read tables: names are in the first column, the headings name the numbers.

    The rows of a table form a group, which is named by the heading above the table.
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
            # A cell counts by the number it begins with: 3.1 of "3.1x (2.9 - 3.3)".
            found = [re.match(r'-?\d+(\.\d+)?', cell) for cell in cells]
            pairs = zip(heads[1:], found, strict=False)
            yield Row(name, section, {h: float(m.group()) for h, m in pairs if m})


def _cells(line: str) -> list[str]:
    """Split a line of a table into the texts of its cells, without markup."""
    cells = (cell.strip() for cell in line.strip().strip('|').split('|'))
    return [re.sub(r'[`*]|\[([^]]*)\]\([^)]*\)', r'\1', cell) for cell in cells]


def _numbers(node: dict[str, Any], path: str = '') -> Iterator[tuple[str, float]]:
    """Yield all numbers in nested dicts with their dotted names."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _numbers(value, f'{path}{key}.')
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f'{path}{key}', float(value)
