"""Check a config against the data and the checkpoint."""

from pathlib import Path

from mmengine.config import Config, ConfigDict
from mmengine.dataset import InfiniteSampler
from mmengine.registry import init_default_scope
from mmengine.runner import EpochBasedTrainLoop
from mmseg.registry import DATA_SAMPLERS, LOOPS

from mmseg_deeplab.checkpoints import local_file
from mmseg_deeplab.utils.errors import InputError

from .class_agreement import compare_classes
from .class_balance import check_weighted_classes
from .class_weight_file import read_class_weights
from .option_check import is_derived, named_dicts
from .scan_config import dataset_configs, missing_paths, named_datasets


def check_checkpoint(checkpoint: str) -> None:
    """Raise FileNotFoundError if there is no such file, nor a model of this name."""
    if '://' not in checkpoint:
        local_file(checkpoint)


UNLABELLED = (
    ' Images without labels can be predicted: mmseg-deeplab test ... --out FOLDER '
    '--format-only, or mmseg-deeplab predict'
)


def check_data(cfg: Config, *loaders: str) -> None:
    """Raise FileNotFoundError if a data folder is missing; skip absent loaders."""
    for loader in loaders:
        for leaf in dataset_configs(cfg.get(loader)):
            for fault in missing_paths(leaf):
                is_test = loader == 'test_dataloader' and fault.message[:7] == 'labels '
                raise FileNotFoundError(
                    f'{loader}: {fault.message}{UNLABELLED if is_test else ""}'
                )


def check_classes(cfg: Config, *splits: str) -> tuple[str, ...]:
    """Raise InputError if the data sets, or a head and a data set, differ in classes.

    Returns the names of the classes of the first data set, if it knows them.
    """
    init_default_scope(cfg.get('default_scope') or 'mmseg')
    datasets = ((s, *named) for s in splits for named in named_datasets(cfg, s))
    classes, faults = compare_classes(cfg, datasets)
    if faults:
        raise InputError(faults[0].message)
    return classes


def check_loop(cfg: Config) -> None:
    """Raise InputError if epochs are counted and the sampler has no end."""
    loop, sampler = cfg.train_cfg, cfg.train_dataloader.get('sampler') or {}
    by_epoch = loop.get('by_epoch', False)
    if 'type' in loop:
        by_epoch = is_derived(loop.type, EpochBasedTrainLoop, LOOPS)
    if by_epoch and is_derived(sampler.get('type'), InfiniteSampler, DATA_SAMPLERS):
        raise InputError(
            f'train_cfg counts epochs, but {sampler["type"]} of train_dataloader has '
            'no end, so that the first epoch would never end. Remedy: '
            'train_dataloader.sampler.type=DefaultSampler, or iterations '
            "(train_cfg=dict(type='IterBasedTrainLoop', max_iters=..., "
            'val_interval=...))'
        )


def prepare_class_weights(model: ConfigDict, classes: tuple[str, ...] = ()) -> None:
    """Raise an error if the class weights in the losses of the heads cannot be used.

    MMSegmentation's cross entropy fails with class weights and ``avg_non_ignore=True``,
    which becomes False: a weighted mean is over the labelled pixels in any case.
    """
    for _, head in named_dicts(model, 'model'):
        for _, loss in named_dicts(head.get('loss_decode'), 'loss_decode'):
            if loss.get('class_weight') is None:
                continue
            _check_number_of_weights(loss.class_weight, head.get('num_classes'))
            if isinstance(loss.class_weight, str):
                check_weighted_classes(loss.class_weight, classes)
            if loss.get('avg_non_ignore'):
                loss.avg_non_ignore = False


def _check_number_of_weights(
    weights: str | list[float], num_classes: int | None
) -> None:
    remedy = 'write those of this data set: mmseg-deeplab class-weights CONFIG --out '
    remedy += weights if isinstance(weights, str) else 'FILE'
    if isinstance(weights, str) and not Path(weights).is_file():
        raise FileNotFoundError(f'class weights {weights!r} do not exist; {remedy}')
    found = len(read_class_weights(weights))
    if num_classes is not None and found != num_classes:
        raise InputError(
            f'class_weight={weights!r}: {found} class weights for {num_classes} '
            f'classes; {remedy}'
        )
