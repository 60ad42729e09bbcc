"""Warn of crops that are too small for the atrous rates, or for a test on whole images.

Where a rate is no smaller than the map of features of a crop, all outer taps of its 3x3
kernel lie in the padding: the branch learns a 1x1 convolution, and its BatchNorm the
statistics of one. On larger images the taps see features, which these do not fit.
"""

import logging

from mmengine.config import Config
from mmengine.logging import print_log
from mmseg.registry import DATASETS

from mmseg_deeplab.models.output_stride import current_output_stride

from .option_check import named_dicts
from .planning_rules import Size, feature_map, fit_rates, window_stride
from .scan_config import dataset_configs

FAR = 4  # times the area of the crop; Cityscapes is trained and tested at 4


def warn_of_small_crops(cfg: Config) -> None:
    """Log one warning with the remedies, if there is something to warn of."""
    if message := small_crop(cfg):
        print_log(message, 'current', logging.WARNING)


def small_crop(cfg: Config) -> str | None:
    """Say what the crop is too small for, and the remedies; None if it is large enough.

    Looks at the first image of the validation if images are tested whole.
    """
    crop = crop_of(cfg)
    if crop is None:
        return None
    found = [check(cfg, crop) for check in (too_large_rate, too_large_test)]
    if not any(found):
        return None
    remedies = ['a larger crop (crop_size)']
    rates, stride = rates_of(cfg)
    if found[0]:
        fitting = _option(
            'decode_head.dilations', fit_rates(rates, feature_map(crop, stride))
        )
        remedies.insert(0, f'rates that fit ({fitting})')
    if cfg.model.get('test_cfg', {}).get('mode') != 'slide':
        windows = dict(mode='slide', crop_size=crop, stride=window_stride(crop))
        options = ' '.join(_option(f'test_cfg.{k}', v) for k, v in windows.items())
        remedies.append(f'a sliding test by windows ({options})')
    return f'{"; ".join(filter(None, found))}. Remedies: {", or ".join(remedies)}.'


def _option(key: str, value: object) -> str:
    return f'--cfg-options "model.{key}={value}"'.replace(', ', ',')


def crop_of(cfg: Config) -> Size | None:
    """Return the size of the training crops, None where images are trained whole."""
    for leaf in dataset_configs(cfg.get('train_dataloader')):
        for _, step in named_dicts(leaf.get('pipeline')):
            if str(step.get('type')).endswith('RandomCrop'):
                size = step['crop_size']
                return (size, size) if isinstance(size, int) else tuple(size)
    return None


def rates_of(cfg: Config) -> tuple[list[int], int | None]:
    """Return the atrous rates of the decode head, and the output stride."""
    head = cfg.model.get('decode_head')
    rates = head.get('dilations') if isinstance(head, dict) else None
    return list(rates or ()), current_output_stride(cfg.model)


def too_large_rate(cfg: Config, crop: Size) -> str | None:
    """Say that the largest rate is no smaller than both sides of the features."""
    rates, stride = rates_of(cfg)
    if not rates or not stride:
        return None
    features = feature_map(crop, stride)
    if max(rates) < max(features):
        return None
    return (
        f'the largest atrous rate, {max(rates)}, is no smaller than the '
        f'{_text(features)} features of a crop of {_text(crop)} at output stride '
        f'{stride}: in training its taps see padding alone'
    )


def too_large_test(cfg: Config, crop: Size) -> str | None:
    """Say that images are tested whole that are far larger than a crop."""
    if cfg.model.get('test_cfg', {}).get('mode') == 'slide':
        return None
    for leaf in dataset_configs(cfg.get('val_dataloader')):
        try:
            image = tuple(DATASETS.build(leaf)[0]['inputs'].shape[-2:])
        except Exception:  # what is wrong there the training says with its place
            return None
        if image[0] * image[1] > FAR * crop[0] * crop[1]:
            return (
                f'images of {_text(image)} are tested whole, and the crops of the '
                f'training are only {_text(crop)}'
            )
        break
    return None


def _text(size: Size) -> str:
    return f'{size[0]}x{size[1]}'
