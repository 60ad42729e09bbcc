"""What a checkpoint knows of its training is compared with what the config says."""

from collections.abc import Iterator
from typing import Any

from mmengine.hooks import EMAHook, Hook
from mmengine.optim import ConstantParamScheduler, LinearParamScheduler
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmseg.registry import HOOKS

from mmseg_deeplab.checkpoints.class_order import (
    ORDER_REMEDY,
    checkpoint_meta,
    class_difference,
)
from mmseg_deeplab.engine.resume import start_of
from mmseg_deeplab.engine.resumed_settings import take_settings, take_trained_weights
from mmseg_deeplab.utils.errors import InputError

NORMALISATION = ('mean', 'std', 'bgr_to_rgb', 'rgb_to_bgr')
NO_END = int(1e9)  # mmengine's, of schedulers without one
WARM_UPS = (ConstantParamScheduler, LinearParamScheduler)  # the rate stays as it is


@HOOKS.register_module()
class TrainedSettingsHook(Hook):
    """Compare a checkpoint with the config before it is loaded.

    - Classes: if a class has another id in the data set than in the checkpoint, an
      evaluation and a resumed training are refused: their metrics would be wrong
      without any other sign. A training that only starts from the weights
      (``load_from``) gets a warning, and so do all where names or colours differ.
    - Normalisation: another mean, standard deviation or order of the channels than at
      training is a warning.
    - Optimizer and schedule of a resumed training: see
      :func:`~mmseg_deeplab.engine.resumed_settings.take_settings`.

    At the start of a training it also compares the end of the schedule with that of the
    training. :class:`ResumableRunner` has this hook by itself.
    """

    priority = 'VERY_HIGH'

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['meta']['normalisation'] = normalisation(runner.cfg.get('model', {}))

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        loaded_from, is_resumed = start_of(runner)
        source = loaded_from or 'the checkpoint'
        only_starts = 'train' in runner.open_loops and not is_resumed
        trained = checkpoint_meta(checkpoint)
        for loader, meta in _data_meta(runner):
            found = class_difference(trained, meta, (source, loader))
            if found and found.exchanged and not only_starts:
                raise InputError(f'{found.message}. {ORDER_REMEDY}')
            if found:
                runner.logger.warning(found.message)
        saved = checkpoint.get('meta')
        known = saved.get('normalisation') if isinstance(saved, dict) else None
        now = normalisation(runner.cfg.get('model', {}))
        if known is not None and known != now:
            runner.logger.warning(
                f'{source} was trained with images normalised by {known}; the '
                f'data_preprocessor of the config has {now}.'
            )
        if is_resumed:
            take_settings(runner, checkpoint)
            if not any(isinstance(hook, EMAHook) for hook in runner.hooks):
                take_trained_weights(runner, checkpoint)

    def before_train(self, runner: Runner) -> None:
        """Compare the end of the training with its beginning and its schedule."""
        if runner.iter >= runner.max_iters:
            runner.logger.warning(
                f'The checkpoint is of iteration {runner.iter}, and the training ends '
                f'at {runner.max_iters}: nothing is left to do. Remedy for a longer '
                'one: a larger end in train_cfg and in param_scheduler.'
            )
        schedulers = runner.param_schedulers or []
        if isinstance(schedulers, dict):
            schedulers = [one for several in schedulers.values() for one in several]
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        for scheduler in schedulers:
            if scheduler.by_epoch and not by_epoch:
                raise InputError(
                    f'param_scheduler: {type(scheduler).__name__} counts epochs, but '
                    'train_cfg counts iterations: it would change nothing. Remedy: '
                    'by_epoch=False, with begin and end in iterations'
                )
        rates = [s for s in schedulers if s.param_name == 'lr' and s.end < NO_END]
        last = max(rates, key=lambda scheduler: scheduler.end, default=None)
        if last is None or isinstance(last, WARM_UPS):
            return
        length = runner.max_epochs if last.by_epoch else runner.max_iters
        unit = 'epoch' if last.by_epoch else 'iteration'
        if last.end != length:
            effect = (
                'stays as it is there' if last.end < length else 'does not get there'
            )
            runner.logger.warning(
                f'The schedule of the learning rate ends at {unit} {last.end}, the '
                f'training at {unit} {length}: the rate {effect}. Remedy: '
                f'param_scheduler with end={length}.'
            )


def normalisation(model: dict[str, Any]) -> dict[str, Any]:
    """Return how the model of a config normalises images, in plain values."""
    inner = model.get('module') or model  # test-time augmentation wraps the model
    settings = inner.get('data_preprocessor') or {}
    found = {name: settings.get(name) for name in NORMALISATION}
    return {k: list(v) if isinstance(v, list | tuple) else v for k, v in found.items()}


def _data_meta(runner: Runner) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the meta information of the data sets that this run has opened."""
    for name, loop in runner.open_loops.items():
        meta = getattr(loop.dataloader.dataset, 'metainfo', {})
        yield f'the data set of {name}_dataloader', meta
