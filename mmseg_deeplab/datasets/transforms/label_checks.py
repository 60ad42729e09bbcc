"""Checks of one label map ``(H, W)`` of K classes: arrays only, no files."""

from collections.abc import Mapping

import numpy as np

from mmseg_deeplab.utils.data_file_errors import (
    LabelFormatError,
    LabelSizeError,
    LabelValueError,
)
from mmseg_deeplab.utils.listing import some

MAX_LISTED = 8  # values spelled out in one message
# Where borders are smoothed, at least a third of the pixels at them have a value
# between both sides; where they are sharp, those of a class as thin as one pixel do.
MIN_BETWEEN = 0.15
MIN_BORDER = 200  # pixels, to tell


def _with_counts(found: np.ndarray, counts: np.ndarray) -> str:
    """List values with their pixel counts, ``11 (42 pixels), ...``."""
    pairs = zip(found.tolist(), counts, strict=True)
    return some((f'{value} ({count} pixels)' for value, count in pairs), MAX_LISTED)


def as_class_ids(label: np.ndarray, source: str) -> np.ndarray:
    """Turn a decoded label into ``(H, W)`` uint8 without changing a value, or raise.

    A plain ``astype(np.uint8)`` would wrap 256 to 0 and -1 to 255.
    """
    if label.ndim == 3 and label.shape[2] == 1:
        label = label[..., 0]
    if label.ndim != 2:
        raise LabelFormatError(_why_no_ids(label, source))
    if label.dtype == np.uint8:
        return label
    if label.dtype != bool and not np.issubdtype(label.dtype, np.integer):
        raise LabelFormatError(
            f'{source}: the label holds real numbers ({label.dtype}), from '
            f'{label.min()} to {label.max()}. '
            'Remedy: export class ids as 8-bit integers.'
        )
    outside = label[(label < 0) | (label > 255)]
    if outside.size:
        values = _with_counts(*np.unique(outside, return_counts=True))
        raise LabelFormatError(
            f'{source}: the label ({label.dtype}) holds values outside 0..255: '
            f'{values}. Remedy: export class ids as 8-bit integers, ignored pixels as '
            '255.'
        )
    return label.astype(np.uint8)


def _why_no_ids(label: np.ndarray, source: str) -> str:
    if label.ndim != 3:
        return (
            f'{source}: the label has shape {label.shape}, expected (H, W). '
            'Remedy: export one class id per pixel.'
        )
    channels = label.shape[2]
    colors = label[..., 2::-1] if channels >= 3 else label  # decoders give BGR
    remedy = (
        'convert each colour to its class id (the palette of the data set) and '
        "save one 8-bit channel, or a palette image (mode 'P')"
    )
    if channels >= 3 and (colors == colors[..., :1]).all():
        remedy = 'the channels are equal: keep one of them (mode L) and save it as PNG'
    name = 'RGB' if channels >= 3 else f'{channels}-channel'
    # One number per colour: sorting rows takes seconds for a large label.
    shifts = 16 * np.arange(colors.shape[2])[::-1]
    packed = (colors.astype(np.int64) << shifts).sum(axis=2)
    found, counts = np.unique(packed, return_counts=True)
    values = _with_counts(found[:, None] >> shifts & 0xFFFF, counts)
    return (
        f'{source}: the label is a colour image of shape {label.shape}, expected '
        f'(H, W) class ids; {name} values found: {values}. Remedy: {remedy}.'
    )


def label_table(
    *, reduce_zero_label: bool, label_map: Mapping[int, int] | None
) -> np.ndarray | None:
    """Build the table of 256 class ids for the values of a file, None for no change.

    MMSegmentation's rules, in its order: ``reduce_zero_label``, then ``label_map``.
    """
    if not reduce_zero_label and label_map is None:
        return None
    ids = np.arange(256)
    if reduce_zero_label:
        ids = np.where((ids == 0) | (ids == 255), 255, ids - 1)
    table = ids.copy()
    for old, new in (label_map or {}).items():
        table[ids == old] = new
    return table.astype(np.uint8)


def check_size(
    label: np.ndarray, size: tuple[int, int] | None, source: str
) -> LabelSizeError | None:
    """Give the error of a label of another size than its image, if that is known."""
    if size is None or label.shape == tuple(size):
        return None
    remedy = 'export the label at the size of the image (nearest neighbour)'
    if label.shape == tuple(size)[::-1]:
        remedy += (
            '; the sides are swapped: the image may carry an EXIF rotation, which '
            '--cfg-options train_dataloader.dataset.pipeline.0.color_type='
            'color_ignore_orientation (and val_dataloader, test_dataloader alike) '
            'leaves out'
        )
    return LabelSizeError(
        f'{source}: the label is {label.shape[0]}x{label.shape[1]} pixels (H x W), its '
        f'image {size[0]}x{size[1]}. Remedy: {remedy}.'
    )


def are_borders_smoothed(label: np.ndarray, ignore_index: int = 255) -> bool:
    """Whether borders pass through values between both sides, along the rows."""
    left, middle, right = label[:, :-2], label[:, 1:-1], label[:, 2:]
    low, high = np.minimum(left, right), np.maximum(left, right)
    border = (low != high) & (high != ignore_index) & (middle != ignore_index)
    between = border & (low < middle) & (middle < high)
    at_borders = np.count_nonzero(border)
    return at_borders >= MIN_BORDER and (
        np.count_nonzero(between) > MIN_BETWEEN * at_borders
    )


def check_range(
    label: np.ndarray,
    num_classes: int,
    source: str,
    *,
    ignore_index: int = 255,
    reduced: bool = False,
) -> LabelValueError | None:
    """Give the error of ids ``(H, W)`` that the loss and the metric cannot take."""
    outside = label >= num_classes
    outside &= label != ignore_index
    if not outside.any():
        return None
    bad, counts = np.unique(label[outside], return_counts=True)
    held = np.unique(label)
    listed = some(held, 2 * MAX_LISTED)
    note = ' after reduce_zero_label, the file holds one more' if reduced else ''
    hints = []  # the likely causes first, then what always helps
    if are_borders_smoothed(label, ignore_index):
        hints.append(
            'the borders are smoothed: export without anti-aliasing, and resize by '
            'nearest neighbour'
        )
    if not reduced and bad.tolist() == [num_classes]:
        hints.append(
            f'if 0 is an unlabelled background and the classes are 1..{num_classes}, '
            'set reduce_zero_label=True on the data set; if '
            f'{num_classes} is a void class, write it as 255'
        )
    if held[-1] > 127 and held.size <= num_classes + 1 and (np.diff(held) > 1).all():
        hints.append('these look like grey levels for viewing: export class ids')
    hints.append(
        'convert the labels to consecutive class ids (255 for ignored pixels), map '
        'them by `label_map` (metainfo=dict(classes=...)), or correct num_classes'
    )
    return LabelValueError(
        f'{source}: the label holds values outside 0..{num_classes - 1} '
        f'(num_classes={num_classes}; {ignore_index} is ignored){note}: '
        f'{_with_counts(bad, counts)}. All values: {listed}. '
        f'Remedy: {"; or ".join(hints)}.'
    )
