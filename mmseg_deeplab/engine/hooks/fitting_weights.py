"""Whole checkpoints into a model with another number of classes, and nothing else."""

import re

from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner
from mmseg.registry import HOOKS
from torch import nn

from mmseg_deeplab.checkpoints import fitting


@HOOKS.register_module()
class FittingWeightsHook(Hook):
    """Look at what ``load_from`` brings before it is loaded.

    mmengine loads what fits and mentions the rest in a warning, so that a training may
    begin from random weights, or an evaluation judge them. Here:

    - A training with another number of classes takes everything but the classifiers
      (main and auxiliary); the log names each tensor that stays as initialised.
    - Any other difference of shape is an error, and so is a checkpoint that shares
      (almost) nothing with the model.
    - An evaluation and a resumed training need every tensor in its shape; the
      evaluation does without auxiliary heads.

    :class:`ResumableRunner` has this hook by itself.
    """

    priority = 'VERY_HIGH'  # before EMAHook copies the weights

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the checkpoint and take the classifiers of other classes out of it.

        Raises:
            ValueError: If it does not fit; the message names tensors and remedy.
        """
        state = checkpoint.get('state_dict', checkpoint)
        names = {re.sub(r'^module\.', '', key): key for key in state}
        tensors = {name: state[key] for name, key in names.items()}
        model = _inner(runner.model)
        source = str(runner._load_from or 'the checkpoint')
        fitting.check_shared(tensors, model, source=source)
        others = fitting.misfits(tensors, model)
        classifiers = fitting.other_classes(tensors, model)
        training = isinstance(runner._train_loop, BaseLoop)
        if others.keys() != classifiers.keys():
            wrong = [others[key] for key in sorted(others.keys() - classifiers.keys())]
            raise ValueError(_explain(source, wrong, 'depth, width and heads'))
        if classifiers and (runner._resume or not training):
            raise ValueError(_explain(source, classifiers.values(), 'num_classes'))
        if not training and (lacking := fitting.missing(tensors, model)):
            raise ValueError(
                f'{source} lacks {len(lacking)} tensors of the model, which would be '
                f'evaluated at random values: {fitting.some(lacking)}'
            )
        for name in sorted(classifiers):
            del state[names[name]]
            runner.logger.warning(f'not loaded, other classes: {classifiers[name]}')


def _inner(model: nn.Module) -> nn.Module:
    if is_model_wrapper(model):
        model = model.module
    return model.module if isinstance(model, BaseTTAModel) else model


def _explain(source: str, wrong: list[str], remedy: str) -> str:
    return (
        f'{source} does not fit the model: {fitting.some(wrong, 6)}. Check {remedy} of '
        'the config, or the checkpoint'
    )
