"""Reading what ``SegmentationMetric`` leaves of an evaluation, as JSON."""

import json
from pathlib import Path
from typing import Any

REMEDY = (
    'Evaluate with tools/report.py, which writes metrics.json, or with tools/test.py '
    '... --cfg-options test_evaluator.report_file=metrics.json'
)


def read_report(
    path: str | Path, kinds: dict[str, type], *, what: str, remedy: str = REMEDY
) -> dict[str, Any]:
    """Read the report of an evaluation.

    Args:
        path: ``metrics.json`` of ``tools/report.py``, the metric's ``report_file``, or
            a folder with a ``metrics.json``.
        kinds: The keys that are needed, and the type of what each holds.
        what: How a message calls them.
        remedy: What to do where they are missing.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no JSON, or one of the keys is missing or empty.
    """
    path = Path(path)
    if path.is_dir():
        path /= 'metrics.json'
    if not path.is_file():
        raise FileNotFoundError(f'{path}: no such file. {remedy}')
    try:
        report = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f'{path}: is no JSON file: {error}. {remedy}') from error
    if not isinstance(report, dict) or not all(
        isinstance(report.get(key), kind) and report[key] for key, kind in kinds.items()
    ):
        raise ValueError(f'{path}: holds no {what}. {remedy}')
    return report
