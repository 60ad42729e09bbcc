"""Check a config against the data and the checkpoint."""

from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmseg.models.losses.utils import get_class_weight

from mmseg_deeplab.checkpoints import local_file
from mmseg_deeplab.models import LeanEncoderDecoder
from mmseg_deeplab.models.segmentors.lean_loss import plain_loss_is_configured
from mmseg_deeplab.utils.errors import InputError

from .option_check import named_dicts
from .prediction_options import is_derived
from .scan_config import dataset_configs, missing_paths


def check_checkpoint(checkpoint: str) -> None:
    """Raise FileNotFoundError if there is no such file, nor a model of this name.

    A model of the zoo is downloaded now, before a long run begins.
    """
    if '://' not in checkpoint:
        local_file(checkpoint)


def check_data(cfg: Config, *loaders: str) -> None:
    """Raise FileNotFoundError if a data folder is missing; skip absent loaders."""
    for loader in loaders:
        for leaf in dataset_configs(cfg.get(loader)):
            for fault in missing_paths(leaf):
                raise FileNotFoundError(f'{loader}: {fault.message}')


def check_class_weights(model: ConfigDict) -> None:
    """Raise an error if the class weights in the losses of the heads cannot be used."""
    is_lean = is_derived(model.get('type'), LeanEncoderDecoder)
    for name, head in named_dicts(model, 'model'):
        for part, loss in named_dicts(head.get('loss_decode'), 'loss_decode'):
            if loss.get('class_weight') is None:
                continue
            _check_number_of_weights(loss.class_weight, head.get('num_classes'))
            if (
                loss.get('avg_non_ignore')
                and loss.get('type') == 'CrossEntropyLoss'
                and not (is_lean and plain_loss_is_configured(head))
            ):
                raise InputError(
                    f'{name}.{part}: MMSegmentation cannot combine class_weight and '
                    'avg_non_ignore=True. Remedy: avg_non_ignore=False, with which its '
                    'weighted mean is over the labelled pixels, too; or '
                    "model.type='LeanEncoderDecoder' with no other loss and no sampler "
                    'in this head'
                )


def _check_number_of_weights(
    weights: str | list[float], num_classes: int | None
) -> None:
    remedy = 'write those of this data set: mmseg-deeplab class-weights CONFIG --out '
    remedy += weights if isinstance(weights, str) else 'FILE'
    if isinstance(weights, str) and not Path(weights).is_file():
        raise FileNotFoundError(f'class weights {weights!r} do not exist; {remedy}')
    found = len(get_class_weight(weights))
    if num_classes is not None and found != num_classes:
        raise InputError(
            f'class_weight={weights!r}: {found} class weights for {num_classes} '
            f'classes; {remedy}'
        )
