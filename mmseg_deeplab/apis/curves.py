"""Loss and mIoU over the iterations, from what mmengine logs into a work folder."""

import json
from pathlib import Path
from typing import Any


def read_scalars(work_dir: str | Path) -> list[dict[str, Any]]:
    """Read the records of all runs in a work folder, a resumed one's included.

    Where a resumed run repeats a step, the later record counts.

    Args:
        work_dir: Folder that holds ``<time>/vis_data/scalars.json`` files.

    Returns:
        Records in the order of their steps, training and validation apart.

    Raises:
        FileNotFoundError: If no run has logged anything there.
    """
    files = sorted(Path(work_dir).glob('*/vis_data/scalars.json'))
    if not files:
        raise FileNotFoundError(
            f'{work_dir}: holds no */vis_data/scalars.json; is it the work folder of a '
            'training?'
        )
    latest: dict[tuple[int, bool], dict] = {}
    for file in files:
        for line in file.read_text().splitlines():
            record = json.loads(line)
            latest[record['step'], 'loss' in record] = record
    return [latest[key] for key in sorted(latest)]


def series(records: list[dict[str, Any]], name: str) -> tuple[list[int], list[float]]:
    """Return the steps and the values of one logged name."""
    found = [(r['step'], r[name]) for r in records if r.get(name) is not None]
    return [step for step, _ in found], [value for _, value in found]


def plot_curves(work_dir: str | Path, path: str | Path, *, title: str = '') -> None:
    """Draw training loss, learning rate and validation mIoU into one PNG.

    Args:
        work_dir: Folder of a training.
        path: PNG to write.
        title: Heading.
    """
    from matplotlib.figure import Figure  # slow to import, needed here alone

    records = read_scalars(work_dir)
    figure = Figure(figsize=(9, 3.6), layout='constrained')
    left, right = figure.subplots(1, 2)
    left.plot(*series(records, 'loss'), color='tab:blue')
    left.set(xlabel='iteration', ylabel='training loss', ylim=(0, None))
    rate = left.twinx()
    rate.plot(*series(records, 'lr'), color='tab:gray', linestyle=':')
    rate.set(ylabel='learning rate (dotted)', ylim=(0, None))
    steps, scores = series(records, 'mIoU')
    right.plot(steps, scores, color='tab:green', marker='o')
    if scores:
        right.annotate(
            f'{scores[-1]:.1f}', (steps[-1], scores[-1]), ha='right', va='bottom'
        )
    right.set(xlabel='iteration', ylabel='validation mIoU, %', ylim=(0, 100))
    for axes in (left, right):
        axes.grid(alpha=0.3)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)
