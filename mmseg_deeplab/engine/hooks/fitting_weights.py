"""Whole checkpoints into a model with another number of classes, and nothing else."""

import re

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from mmseg_deeplab.checkpoints import fitting
from mmseg_deeplab.engine.resume import start_of
from mmseg_deeplab.models.segmentors.tta_models import unwrapped
from mmseg_deeplab.utils.errors import InputError


@HOOKS.register_module()
class FittingWeightsHook(Hook):
    """Check what ``load_from`` brings before it is loaded.

    mmengine loads what fits and mentions the rest in a warning, so that a training may
    begin from random weights, or an evaluation use them. Here:

    - A training with another number of classes loads everything but the classifiers
      (main and auxiliary); the log names each tensor that stays as initialised.
    - Any other difference of shape is an error, and so is a checkpoint that shares
      (almost) nothing with the model.
    - An evaluation and a resumed training need every tensor in its shape; the
      evaluation does not need auxiliary heads.

    :class:`ResumableRunner` has this hook by itself.
    """

    priority = 'VERY_HIGH'  # before EMAHook copies the weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        state = checkpoint.get('state_dict', checkpoint)
        names = {re.sub(r'^module\.', '', key): key for key in state}
        tensors = {name: state[key] for name, key in names.items()}
        model = unwrapped(runner.model)
        loaded_from, is_resumed = start_of(runner)
        source = loaded_from or 'the checkpoint'
        fitting.check_shared(tensors, model, source=source)
        misfits = fitting.misfits(tensors, model)
        classifiers = fitting.other_classes(tensors, model)
        training = 'train' in runner.open_loops
        if others := sorted(misfits.keys() - classifiers.keys()):
            wrong, remedy = [misfits[key] for key in others], 'depth, width and heads'
        elif is_resumed or not training:
            wrong, remedy = list(classifiers.values()), 'num_classes'
        else:
            wrong, remedy = [], ''
        if wrong:
            raise InputError(
                f'{source} does not fit the model: {fitting.some(wrong, 6)}. Check '
                f'{remedy} of the config, or the checkpoint'
            )
        if not training and (lacking := fitting.missing(tensors, model)):
            raise InputError(
                f'{source} lacks {len(lacking)} tensors of the model, which would be '
                f'evaluated at random values: {fitting.some(lacking)}'
            )
        for name in sorted(classifiers):
            del state[names[name]]
            runner.logger.warning(f'not loaded, other classes: {classifiers[name]}')
