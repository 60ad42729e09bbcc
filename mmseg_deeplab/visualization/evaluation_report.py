"""Evaluate a checkpoint and leave figures, curve and pictures in a folder."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.evaluation.metrics import metrics_table, trimap_table

from . import plot_curves, plot_trimap
from .image_grid import draw_sheet, save_sheet


def write_report(
    runner: Runner, out: str | Path, *, curves_from: str | Path | None, num_scenes: int
) -> dict[str, Path]:
    """Test a runner's model and write what a person wants to see of it.

    Args:
        runner: Built with ``load_from`` and a ``SegmentationMetric``.
        out: Folder to write into.
        curves_from: Work folder of the training, or None for no curve.
        num_scenes: Rows of the sheet, spread evenly over the data set.

    Returns:
        The files by what they hold: ``metrics``, ``table``, ``curves``, ``scenes``,
        and ``trimap`` if the metric has ``trimap_widths``.

    Raises:
        ValueError: If the config evaluates by another metric.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    runner.test()
    report = _metric(runner).report
    classes = runner.test_dataloader.dataset.metainfo['classes']
    files = {'metrics': out / 'metrics.json', 'table': out / 'metrics.txt'}
    files['metrics'].write_text(json.dumps(report, indent=1) + '\n')
    files['table'].write_text(_text(report, classes))
    if 'trimap' in report:
        files['trimap'] = out / 'trimap.png'
        plot_trimap([files['metrics']], files['trimap'], title=runner.experiment_name)
    if curves_from is not None:
        files['curves'] = out / 'curves.png'
        plot_curves([curves_from], files['curves'], title=runner.experiment_name)
    files['scenes'] = out / 'scenes.png'
    notes = [_percent(figures['IoU']) for figures in report['per_class'].values()]
    sheet = draw_sheet(
        predict_scenes(runner, num_scenes),
        classes=classes,
        palette=runner.test_dataloader.dataset.metainfo['palette'],
        notes=notes,
    )
    save_sheet(sheet, files['scenes'])
    return files


def predict_scenes(
    runner: Runner, count: int
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return RGB image, true and predicted labels of evenly spaced test samples.

    The image is what the network was given, at the size of the label.
    """
    dataset = runner.test_dataloader.dataset
    model = runner.model.eval()
    count = min(count, len(dataset))
    indices = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    scenes = []
    for index in indices:
        batch = pseudo_collate([dataset[int(index)]])
        with torch.no_grad():
            sample = model.test_step(batch)[0]
        truth = sample.gt_sem_seg.data.squeeze().cpu().numpy()
        prediction = sample.pred_sem_seg.data.squeeze().cpu().numpy()
        scenes.append((_image_of(batch, truth.shape), truth, prediction))
    return scenes


def _image_of(batch: dict, shape: tuple[int, ...]) -> np.ndarray:
    image = batch['inputs'][0].permute(1, 2, 0).cpu().numpy()[..., ::-1]  # BGR to RGB
    return cv2.resize(np.ascontiguousarray(image), shape[::-1])


def _metric(runner: Runner) -> SegmentationMetric:
    metrics = runner.test_evaluator.metrics
    for metric in metrics:
        if isinstance(metric, SegmentationMetric):
            return metric
    raise ValueError(
        "a report needs test_evaluator=dict(type='SegmentationMetric'), received "
        f'{[type(metric).__name__ for metric in metrics]}'
    )


def _text(report: dict[str, Any], classes: list[str]) -> str:
    width = max(12, *(len(name) for name in report['figures']))
    figures = '\n'.join(
        f'{name:{width}}{value:8.2f}' for name, value in report['figures'].items()
    )
    parts = [figures, metrics_table(classes, np.array(report['confusion']))]
    if 'trimap' in report:
        parts.append(trimap_table(report['trimap']))
    return '\n\n'.join(parts) + '\n'


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{value:.1f}'
