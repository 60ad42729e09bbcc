"""Evaluate a checkpoint and write its metrics, curves and an image grid."""

from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from mmengine.runner import Runner

from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.evaluation.metrics import metrics_table, trimap_table
from mmseg_deeplab.utils.array_files import save_image
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import write_json

from .curves import plot_curves
from .image_grid import draw_image_grid
from .metric_plots import plot_trimap


def write_report(
    runner: Runner, out: str | Path, *, curves_from: str | Path | None, num_scenes: int
) -> dict[str, Path]:
    """Test the model of a runner and write what a person wants to see of it.

    The result maps what is written to the files: ``metrics``, ``table``, ``curves`` of
    a work folder, ``scenes``, and ``trimap`` if the metric has ``trimap_widths``.
    """
    out, title = Path(out), runner.experiment_name
    out.mkdir(parents=True, exist_ok=True)
    runner.test()
    metrics = runner.test_evaluator.metrics
    own = [metric for metric in metrics if isinstance(metric, SegmentationMetric)]
    if not own:
        raise InputError(
            "a report needs test_evaluator=dict(type='SegmentationMetric'), received "
            f'{[type(metric).__name__ for metric in metrics]}'
        )
    report = own[0].report
    dataset = runner.test_dataloader.dataset
    classes = dataset.metainfo['classes']
    files = {'metrics': out / 'metrics.json', 'table': out / 'metrics.txt'}
    write_json(files['metrics'], report)

    width = max(12, *(len(name) for name in report['metrics']))
    lines = (f'{name:{width}}{value:8.2f}' for name, value in report['metrics'].items())
    parts = ['\n'.join(lines), metrics_table(classes, np.array(report['confusion']))]
    if 'trimap' in report:
        parts.append(trimap_table(report['trimap']))
        files['trimap'] = out / 'trimap.png'
        plot_trimap([files['metrics']], files['trimap'], title=title)
    files['table'].write_text('\n\n'.join(parts) + '\n')
    if curves_from is not None:
        files['curves'] = out / 'curves.png'
        plot_curves([curves_from], files['curves'], title=title)

    ious = [metrics['IoU'] for metrics in report['per_class'].values()]
    grid = draw_image_grid(
        predict_scenes(runner, num_scenes),
        classes=classes,
        palette=dataset.metainfo['palette'],
        notes=['-' if iou is None else f'{iou:.1f}' for iou in ious],
    )
    files['scenes'] = out / 'scenes.png'
    save_image(files['scenes'], grid)
    return files


def predict_scenes(
    runner: Runner, count: int
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Return RGB image, ground truth and prediction of evenly spaced test samples.

    The image is the input of the network, resized to the size of the ground truth.
    """
    dataset, model = runner.test_dataloader.dataset, runner.model.eval()
    scenes = []
    for index in np.linspace(0, len(dataset) - 1, min(count, len(dataset))).round():
        batch = pseudo_collate([dataset[int(index)]])
        with torch.no_grad():
            sample = model.test_step(batch)[0]
        target = sample.gt_sem_seg.data.squeeze().cpu().numpy()
        prediction = sample.pred_sem_seg.data.squeeze().cpu().numpy()
        image = batch['inputs'][0].permute(1, 2, 0).cpu().numpy()[..., ::-1]  # to RGB
        image = cv2.resize(np.ascontiguousarray(image), target.shape[::-1])
        scenes.append((image, target, prediction))
    return scenes
