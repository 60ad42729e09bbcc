"""Prepare a config for a test."""

from mmengine.config import Config

from .config_checks import check_checkpoint, check_data
from .prediction_options import apply_prediction_options
from .runner_setup import prepare_device


def prepare_testing(
    cfg: Config,
    checkpoint: str,
    *,
    out: str | None = None,
    show: bool = False,
    show_dir: str | None = None,
    wait_time: float = 2.0,
    crf: str | bool | None = None,
    msc: bool = False,
    fast: bool = False,
    tta: bool = False,
    output_stride: int | None = None,
) -> None:
    """Prepare a config for testing, in place.

    Args:
        cfg: The config.
        checkpoint: File or URL of the weights.
        out: Folder for the predicted masks.
        show: Show the predictions in a window.
        show_dir: Folder for images with the predictions painted over them.
        wait_time: Seconds for which each window stays.
        crf: See :func:`apply_prediction_options`, also for all that follow.
    """
    check_checkpoint(checkpoint)
    check_data(cfg, 'test_dataloader')
    cfg.load_from = checkpoint
    cfg.resume = False
    if out is not None:
        write_predictions(cfg, out)
    if show or show_dir:
        paint_predictions(cfg, show=show, show_dir=show_dir, wait_time=wait_time)
    apply_prediction_options(
        cfg, crf=crf, msc=msc, fast=fast, tta=tta, output_stride=output_stride
    )
    prepare_device(cfg)


def write_predictions(cfg: Config, folder: str) -> None:
    """Let the metric write the predicted masks."""
    evaluator = cfg.get('test_evaluator')
    if isinstance(evaluator, list | tuple) and len(evaluator) == 1:
        evaluator = evaluator[0]
    if not isinstance(evaluator, dict):
        raise ValueError(f'--out needs one test_evaluator, the config has {evaluator}')
    evaluator.update(output_dir=folder, keep_results=True)


def paint_predictions(
    cfg: Config, *, show: bool, show_dir: str | None, wait_time: float
) -> None:
    """Let the visualization hook paint the predictions over the images."""
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise ValueError(
            '--show and --show-dir need default_hooks.visualization in the config, '
            "such as dict(type='SampleVisualizationHook')"
        )
    hook['draw'] = True
    if show:
        hook.update(show=True, wait_time=wait_time)
    if show_dir:
        cfg.visualizer['save_dir'] = show_dir
