"""Checkpoints that are whole and belong to one training."""

import inspect
from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from mmengine.dist import master_only
from mmengine.evaluator import Evaluator
from mmengine.fileio import LocalBackend, join_path, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_deeplab.engine.resume import (
    keep_own_files,
    numbered_checkpoints,
    packed_hub,
    plain_schedulers,
    start_of,
    unpacked_hub,
)
from mmseg_deeplab.evaluation import SegmentationMetric
from mmseg_deeplab.utils.atomic_files import remove_parts, write_whole
from mmseg_deeplab.utils.errors import InputError

# Parts of the names of metrics of which the greatest value is the best.
GREATER_IS_BETTER = (
    'acc', 'auc', 'dice', 'fscore', 'iou', 'map', 'pq', 'precision', 'recall',
)  # fmt: skip


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local storage whose files appear under their name only when complete.

    mmengine's ``LocalBackend`` writes in place: a killed process leaves a truncated
    file under the final name. This one writes by :func:`write_whole`. It is used with
    ``backend_args=dict(backend='atomic_local')`` wherever mmengine takes these.
    """

    def __init__(self) -> None:
        self._held: dict[Path, Callable[[Path], None]] | None = None

    def put(self, obj: bytes, filepath: str | Path) -> None:
        write_whole(obj, Path(filepath))

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        write_whole(obj.encode(encoding), Path(filepath))

    def remove(self, filepath: str | Path) -> None:
        self._remove(Path(filepath), super().remove)

    def rmtree(self, dir_path: str | Path) -> None:
        self._remove(Path(dir_path), super().rmtree)

    def _remove(self, path: Path, removal: Callable[[Path], None]) -> None:
        if self._held is None:
            removal(path)
        else:
            self._held[path] = removal

    @property
    def held(self) -> list[Path]:
        """Paths that the end of the block of :meth:`removals_last` will remove."""
        return list(self._held or {})

    @contextmanager
    def removals_last(self) -> Iterator[None]:
        """Hold back all removals until the outermost block has ended in order."""
        if self._held is not None:
            yield
            return
        self._held = {}
        try:
            yield
            for path, removal in self._held.items():
                removal(path)
        finally:
            self._held = None


@HOOKS.register_module()
class TrustedCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook``, safe against ``kill -9`` at any moment.

    It differs from the base class:

    - A checkpoint is written whole or not at all (:class:`AtomicLocalBackend`).
    - An older checkpoint is removed after the newer one is on the disk; the base class
      removes it first. There must be room for one more than ``max_keep_ckpts``.
    - ``save_best`` may be the metric of one class, such as ``'IoU.car'``.
    - The last line of a training says which checkpoint is the best one.
    - What a kill has left behind, an unfinished file or an older checkpoint that was
      about to be removed, is removed when the training is resumed.
    - Checkpoints numbered above the iteration at which a training begins are damaged or
      of another training. They are moved to ``superseded_<time>/``, so that a later
      resume cannot use one of them.
    - Log buffers are saved as tensors and schedulers without their functions, so that a
      checkpoint is plain data.

    mmengine still writes the text file ``last_checkpoint`` in place; nothing here
    relies on it. Trainings are resumed by :class:`ResumableRunner`, or by mmengine's
    runner if it was built with a ``cfg`` that has ``resume=True``: see
    :func:`~mmseg_deeplab.engine.resume.start_of`.

    Args:
        out_dir: See the base class; a place other than the local disk turns the
            safeguards off.
        backend_args: See the base class; if given, it replaces the atomic backend.
        **kwargs: All other arguments of ``CheckpointHook``.
    """

    def __init__(
        self,
        *args: Any,
        out_dir: str | Path | None = None,
        backend_args: dict | None = None,
        **kwargs: Any,
    ) -> None:
        local = '://' not in str(out_dir)
        if local and backend_args is None and 'file_client_args' not in kwargs:
            backend_args = {'backend': 'atomic_local'}
        kwargs.setdefault('greater_keys', GREATER_IS_BETTER)
        _refuse_unknown(kwargs.keys())
        super().__init__(*args, out_dir=out_dir, backend_args=backend_args, **kwargs)
        self._superseded: list[str] = []

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        checkpoint['message_hub'] = packed_hub(checkpoint['message_hub'])
        if states := checkpoint.get('param_schedulers'):
            checkpoint['param_schedulers'] = plain_schedulers(states)
        if isinstance(self.file_backend, AtomicLocalBackend):
            checkpoint['superseded'] = [path.name for path in self.file_backend.held]

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        superseded = checkpoint.get('superseded')
        self._superseded = superseded if isinstance(superseded, list) else []
        if start_of(runner)[1] and 'message_hub' in checkpoint:
            checkpoint['message_hub'] = unpacked_hub(checkpoint['message_hub'])

    def before_train(self, runner: Runner) -> None:
        if self.save_best and runner.val_loop is not None:
            self._check_classes(runner.val_loop.evaluator)
        folder = checkpoint_folder(self.out_dir, runner.work_dir)
        loaded_from, is_resumed = start_of(runner)
        if is_resumed:
            keep_own_files(runner.message_hub, folder, loaded_from)
        super().before_train(runner)
        if isinstance(self.file_backend, AtomicLocalBackend):
            self._tidy(runner)
        self._warn_of_lost_gradients(runner)

    def _check_classes(self, evaluator: Evaluator) -> None:
        """Raise InputError if ``save_best`` names an unknown class."""
        classes = (evaluator.dataset_meta or {}).get('classes') or ()
        has_classes = any(isinstance(m, SegmentationMetric) for m in evaluator.metrics)
        for name in self.key_indicators if has_classes else ():
            metric, dot, label = name.partition('.')
            if dot and '/' not in name and label not in classes:  # a/b has a prefix
                raise InputError(
                    f'save_best={name!r}: there is no class {label!r}. Remedy: '
                    f'{metric}, a dot, and one of {", ".join(classes)}'
                )

    def after_train(self, runner: Runner) -> None:
        super().after_train(runner)
        info = runner.message_hub.runtime_info
        for name in self.key_indicators if self.save_best else []:
            suffix = f'_{name}' if len(self.key_indicators) > 1 else ''
            if path := info.get(f'best_ckpt{suffix}'):
                step = path.rpartition('_')[2].partition('.')[0]
                runner.logger.info(
                    f'The best {name} is {info[f"best_score{suffix}"]:.2f}, at step '
                    f'{step}: {path}'
                )

    @master_only
    def _tidy(self, runner: Runner) -> None:
        folder = Path(self.out_dir)
        if parts := remove_parts(folder):
            runner.logger.warning(f'Removed unfinished checkpoints: {parts}')
        begin = runner.epoch if self.by_epoch else runner.iter
        found = numbered_checkpoints(folder, self.filename_tmpl)
        loaded = Path(start_of(runner)[0]).resolve()
        if loaded.parent == folder.resolve():  # the list is of this folder
            for path in [*(path for _, path in found), *folder.glob('best_*.pth')]:
                if path.name in self._superseded and path.name != loaded.name:
                    path.unlink()
        found = numbered_checkpoints(folder, self.filename_tmpl)
        others = [path for number, path in found if number > begin]
        if not others:
            return
        target = folder / f'superseded_{datetime.now():%Y%m%d_%H%M%S_%f}'
        target.mkdir()
        for path in others:
            path.rename(target / path.name)
        runner.logger.warning(
            f'{len(others)} checkpoints numbered above {begin}, where this training '
            'begins, are damaged or of another training. They have been moved to '
            f'{target}; delete them if they are no longer needed.'
        )

    def _warn_of_lost_gradients(self, runner: Runner) -> None:
        steps = getattr(runner.optim_wrapper, '_accumulative_counts', 1)
        if not self.by_epoch and self.interval > 0 and self.interval % steps:
            runner.logger.warning(
                f'Checkpoints every {self.interval} iterations fall between the steps '
                f'of the optimizer (accumulative_counts={steps}): resuming from one '
                'loses the gradients gathered since the last step. Set '
                f'default_hooks.checkpoint.interval to a multiple of {steps}.'
            )

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        with self._removals_last():
            super()._save_checkpoint_with_step(runner, step, meta)

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        known = {**metrics, **_class_metrics(runner)}
        names = self.key_indicators if self.save_best else []
        if unknown := [name for name in names if name not in (*known, 'auto')]:
            raise InputError(
                f'save_best={unknown[0]!r}: there is no such metric. Remedy: one of '
                f'{", ".join(known)}'
            )
        with self._removals_last():
            super()._save_best_checkpoint(runner, known)

    def _removals_last(self) -> AbstractContextManager[None]:
        if isinstance(self.file_backend, AtomicLocalBackend):
            return self.file_backend.removals_last()
        return nullcontext()


def _refuse_unknown(arguments: Set[str]) -> None:
    """Raise InputError for what mmengine would refuse at the first save only."""
    known = inspect.signature(CheckpointHook).parameters.keys() - {'kwargs'}
    for name in sorted(arguments - known):
        near = get_close_matches(name, known, 1) or sorted(known)
        raise InputError(
            f'default_hooks.checkpoint does not take {name}. Remedy: {", ".join(near)}'
        )


def _class_metrics(runner: Runner) -> dict[str, float | None]:
    """Return the metrics of each class, such as ``IoU.car``; the log has none."""
    reports = [getattr(m, 'report', {}) for m in runner.val_loop.evaluator.metrics]
    return {
        f'{name}.{label}': value
        for report in reports
        for label, values in report.get('per_class', {}).items()
        for name, value in values.items()
    }


def checkpoint_folder(out_dir: str | Path | None, work_dir: str) -> str:
    """Return the folder of a checkpoint hook, by mmengine's rule."""
    if out_dir is None or str(out_dir) == work_dir:
        return work_dir
    return join_path(out_dir, Path(work_dir).name)
