"""Ids of the classes in the files of a data set, where training counts otherwise."""

from mmengine.config import Config

from mmseg_deeplab.utils.errors import InputError

from .scan_config import class_parameters, dataset_configs


def label_ids(cfg: Config, num_classes: int) -> list[int]:
    """Return the id of each class in the files of a config's test set.

    These are ``label_ids`` of its metric (Cityscapes), else 1 to K with
    ``reduce_zero_label`` (ADE20K), else 0 to K - 1.
    """
    evaluators = cfg.get('test_evaluator') or ()
    for evaluator in [evaluators] if isinstance(evaluators, dict) else evaluators:
        if evaluator.get('label_ids'):
            return list(evaluator['label_ids'])
    leaf = next(dataset_configs(cfg.get('test_dataloader')), None)
    if leaf is None:
        raise InputError(
            f'{cfg.filename}: has no test_dataloader, which would say what ids the '
            'files have. Remedy: leave out --ids label, or set test_evaluator.label_ids'
        )
    default = class_parameters(leaf).get('reduce_zero_label')
    is_reduced = leaf.get('reduce_zero_label', getattr(default, 'default', False))
    return [number + bool(is_reduced) for number in range(num_classes)]
