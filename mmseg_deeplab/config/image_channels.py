"""The channels of the images: one setting of a config, and its check.

``channels`` at the top of a config, with ``value_range`` and ``shown_bands``, says what
all its pipelines read, and what the network takes.
"""

from collections.abc import Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands

from .option_check import named_dicts

SETTINGS = ('channels', 'value_range', 'shown_bands')
LOADERS = ('LoadCheckedImage', 'LoadImageFromFile', 'LoadBands')
# Of images that are read otherwise than by `LoadBands`: grey or colours.
USUAL = (1, 3)


def image_bands(step: dict[str, Any]) -> ImageBands | None:
    """Return the bands that a step of a pipeline reads; None for colour images."""
    if step.get('type') != 'LoadBands':
        return None
    return ImageBands(**{name: step[name] for name in SETTINGS if name in step})


def apply_channels(cfg: Config) -> None:
    """Carry ``channels`` of a config to all that follows from it, in place.

    Images are loaded by ``LoadBands``. Steps that distort colours are left out. The
    backbone gets ``in_channels``, and the preprocessor becomes a ``BandPreprocessor``;
    where mean and deviation are of another number of channels, each band gets their
    average. A config without ``channels`` stays as it is.

    Raises:
        InputError: If a setting has a value that it cannot have.
    """
    settings = {name: cfg[name] for name in SETTINGS if cfg.get(name) is not None}
    if 'channels' not in settings:
        for name in (*SETTINGS, 'raster_window'):
            if cfg.get(name) is not None:
                raise InputError(
                    f'{name}={cfg[name]!r} means nothing without channels. Remedy: '
                    'channels=N, 3 for colours'
                )
        return
    count = len(ImageBands(**settings).numbers)
    for _, node in list(named_dicts(cfg)):
        if node.get('type') in LOADERS:
            kept = {k: node[k] for k in ('backend_args', 'ignore_empty') if k in node}
            node.clear()
            node.update(settings, type='LoadBands', **kept)
        for value in node.values():
            _leave_colours_as_they_are(value)
    model = cfg.get('model') or {}
    if 'backbone' in model:
        model.backbone.in_channels = count
    if preprocessor := model.get('data_preprocessor'):
        _refuse_other_order(preprocessor, settings['channels'])
        _take_bands(preprocessor, count)


def _refuse_other_order(preprocessor: ConfigDict, channels: Any) -> None:
    """Refuse bands in the order of the file for a network of blue, green, red."""
    swaps = preprocessor.get('bgr_to_rgb') or preprocessor.get('rgb_to_bgr')
    of_colours = len(preprocessor.get('mean') or ()) == 3
    if of_colours and not swaps and isinstance(channels, int) and channels >= 3:
        rest = ''.join(f', {number}' for number in range(4, channels + 1))
        raise InputError(
            f'channels={channels}: this network takes blue, green, red, and files have '
            f'red first. Remedy: channels="(3, 2, 1{rest})" shown_bands="(1, 2, 3)"'
        )


def _leave_colours_as_they_are(steps: Any) -> None:
    """Remove, from lists in lists as well, what distorts colours."""
    if not isinstance(steps, list):
        return
    for index in reversed(range(len(steps))):
        kind = steps[index].get('type') if isinstance(steps[index], dict) else None
        if str(kind).endswith('PhotoMetricDistortion'):
            del steps[index]
        else:
            _leave_colours_as_they_are(steps[index])


def _take_bands(preprocessor: ConfigDict, count: int) -> None:
    if preprocessor.get('type') == 'SegDataPreProcessor':
        preprocessor.type = 'BandPreprocessor'
    for name in ('bgr_to_rgb', 'rgb_to_bgr'):
        preprocessor.pop(name, None)
    for name in ('mean', 'std'):
        values = preprocessor.get(name)
        if values and len(values) != count:
            preprocessor[name] = [round(sum(values) / len(values), 3)] * count


def check_channels(cfg: Config) -> None:
    """Raise InputError if pipelines, preprocessor and backbone differ in channels."""
    model = cfg.get('model') or {}
    model = model.get('module') or model  # test-time augmentation wraps the model
    given = list(_numbers_of_channels(cfg, model))
    numbers = {number for _, number in given}
    if len(numbers) > 1:
        raise InputError(
            'one model has images of one number of channels, and the config says '
            f'{", ".join(f"{where}: {number}" for where, number in given)}. Remedy: '
            'channels=N at the top of the config, or --cfg-options channels=N'
        )
    reads_bands = any(where.endswith('channels of LoadBands') for where, _ in given)
    if numbers and not reads_bands and not numbers <= set(USUAL):
        raise InputError(
            f'{given[0][0]} is for {given[0][1]} channels, and LoadCheckedImage reads '
            "3, or 1 with color_type='grayscale'. Remedy: channels=N at the top of "
            'the config, or --cfg-options channels=N'
        )


def _numbers_of_channels(cfg: Config, model: dict) -> Sequence[tuple[str, int]]:
    """Yield where a number of channels is said, and the number."""
    backbone = model.get('backbone') or {}
    mean = (model.get('data_preprocessor') or {}).get('mean')
    if mean:
        yield 'model.data_preprocessor.mean', len(mean)
    if 'in_channels' in backbone:
        yield 'model.backbone.in_channels', backbone['in_channels']
    loaders = {}
    for where, node in named_dicts(cfg):
        if where.split('.')[0].endswith('_dataloader') and (bands := image_bands(node)):
            loaders[len(bands.numbers)] = where
    for number, where in loaders.items():
        yield f'{where}, channels of LoadBands', number
