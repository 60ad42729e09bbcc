"""A runner that resumes from the newest whole checkpoint, in the same data order."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import BaseLoop, Runner, find_latest_checkpoint
from mmengine.runner.checkpoint import CheckpointLoader
from mmseg.registry import RUNNERS
from torch import nn
from torch.utils.data import DataLoader

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.folder_lock import folder_lock

from .batch_packing import packed_collate
from .hooks.finite_loss import FiniteLossHook
from .hooks.fitting_weights import FittingWeightsHook
from .hooks.named_outputs import NamedOutputsHook
from .hooks.repeated_images import RepeatedImagesHook
from .hooks.synced_statistics import SyncedStatisticsHook
from .hooks.trained_settings import TrainedSettingsHook
from .hooks.trusted_checkpoint import checkpoint_folder
from .resume import (
    RESUME_KEYS,
    check_training_state,
    keep_own_files,
    newest_whole_checkpoint,
)

# Every training and evaluation has these hooks, whatever the config says.
OWN_HOOKS = (
    FittingWeightsHook,
    TrainedSettingsHook,
    FiniteLossHook,
    NamedOutputsHook,
    RepeatedImagesHook,
    SyncedStatisticsHook,
)


@RUNNERS.register_module()
class ResumableRunner(Runner):
    """mmengine's runner with a resume that can be trusted.

    It differs from mmengine's in these things:

    - With ``resume='auto'`` it resumes from the newest whole checkpoint of the work
      folder and, if there is none, starts as the config says, ``load_from`` included,
      so that one command serves the first start and every restart. With ``resume=True``
      mmengine's rule holds: from ``load_from`` if that is given, else from the work
      folder. ``last_checkpoint`` is not consulted.
    - The seed of the checkpoint is set before the data loader is built. mmengine sets
      it afterwards, so that a training without a fixed seed continues in another order
      of the samples than it began with.
    - Of a checkpoint only data of known form are taken over. mmengine runs the config
      in it as Python, and removes the best checkpoint wherever its path leads.
    - What is loaded must fit the model, except for classifiers of other classes: see
      :class:`FittingWeightsHook`.
    - What the checkpoint knows of its training (classes, normalisation, optimizer,
      schedule) is compared with the config: see :class:`TrainedSettingsHook`.
    - It does not train where another training is at work, ends where the loss is no
      number (:class:`FiniteLossHook`), and warns of validation images that are those
      of the training (:class:`RepeatedImagesHook`).

    A resumed training has in common with an uninterrupted one: iteration, weights,
    optimizer state, learning rate, best metric, and the order of the samples. The
    checkpoint does not hold the random state, so that the random numbers of
    augmentations and of dropout begin anew.
    """

    @property
    def loaded_from(self) -> str:
        """Path of the checkpoint that this run begins with; empty without one."""
        return str(self._load_from or '')

    @property
    def is_resumed(self) -> bool:
        """Whether the training goes on where that checkpoint has ended."""
        return bool(self._resume)

    @property
    def open_loops(self) -> dict[str, BaseLoop]:
        """The loops of this run by name (train, val, test), with their data sets."""
        loops = dict(train=self._train_loop, val=self._val_loop, test=self._test_loop)
        return {
            name: loop for name, loop in loops.items() if isinstance(loop, BaseLoop)
        }

    @staticmethod
    def build_dataloader(
        dataloader: DataLoader | dict,
        seed: int | None = None,
        diff_rank_seed: bool = False,
    ) -> DataLoader:
        if isinstance(dataloader, dict):
            dataloader = {'collate_fn': packed_collate, **dataloader}
        return Runner.build_dataloader(dataloader, seed, diff_rank_seed)

    def register_hooks(
        self, default_hooks: dict | None = None, custom_hooks: list | None = None
    ) -> None:
        super().register_hooks(default_hooks, custom_hooks)
        for kind in OWN_HOOKS:
            if not any(isinstance(hook, kind) for hook in self.hooks):
                self.register_hook(kind())

    def train(self) -> nn.Module:
        with self._alone():
            if self._resume:
                self._find_checkpoint()
            return super().train()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Refuse to train where another training writes its checkpoints."""
        folder, fault = self._checkpoints()[0], [None]
        with ExitStack() as stack:
            if is_main_process():
                folder = self.work_dir if '://' in folder else folder
                try:
                    stack.enter_context(folder_lock(folder, 'training'))
                except InputError as error:
                    fault = [str(error)]
            broadcast_object_list(fault)
            if fault[0]:
                raise InputError(fault[0])
            yield

    def resume(self, filename: str, *args: Any, **kwargs: Any) -> None:
        super().resume(filename, *args, **kwargs)
        keep_own_files(self.message_hub, self._checkpoints()[0], filename)

    def _find_checkpoint(self) -> None:
        given = None if self._resume == 'auto' else self._load_from
        found = [None]
        if is_main_process():
            found = [self._examine(given) if given else self._newest()]
        broadcast_object_list(found)
        self._resume = found[0] is not None
        if found[0] is None:
            self.logger.info(
                f'Nothing to resume from in {self._checkpoints()[0]}: '
                'the training starts from scratch.'
            )
            return
        self._load_from, seed = found[0]
        self.logger.info(f'Resuming from {self._load_from}.')
        self._set_seed(seed)

    def _newest(self) -> tuple[str, int | None] | None:
        folder, template = self._checkpoints()
        if '://' in folder:  # remote storage, of which mmengine keeps a note
            last = find_latest_checkpoint(self.work_dir)
            return last and self._examine(last)
        found = newest_whole_checkpoint(Path(folder), template)
        return found and (str(found.path), found.meta.get('seed'))

    def _examine(self, path: str) -> tuple[str, int | None]:
        content = CheckpointLoader.load_checkpoint(path, map_location='cpu')
        if missing := RESUME_KEYS - content.keys():
            raise InputError(
                f'{path}: cannot be resumed, it is without {sorted(missing)}; '
                'leave out --resume to start from its weights'
            )
        check_training_state(content, path)
        return path, content['meta'].get('seed')

    def _checkpoints(self) -> tuple[str, str]:
        """Folder and name template of this run's checkpoints."""
        for hook in self.hooks:
            if isinstance(hook, CheckpointHook):
                folder = checkpoint_folder(hook.out_dir, self.work_dir)
                return folder, hook.filename_tmpl
        return self.work_dir, 'iter_{}.pth'

    def _set_seed(self, seed: int | None) -> None:
        if seed is None or seed == self.seed:
            return
        configured = self._randomness_cfg.get('seed')
        if configured is not None:
            self.logger.warning(
                f'The training was begun with seed {seed}; the seed {configured} of '
                'the config is not used.'
            )
        self._randomness_cfg.update(seed=seed)
        self.set_randomness(**self._randomness_cfg)
