"""Load panoptic annotations, and refuse those that contradict themselves."""

import numpy as np
from mmseg.registry import TRANSFORMS

from mmseg_deeplab.ops.panoptic_ids import (
    IGNORED_CLASS,
    LABEL_DIVISOR,
    class_map,
    panoptic_ids,
)
from mmseg_deeplab.utils.data_file_errors import (
    AbsentSegmentError,
    LabelFormatError,
    LabelValueError,
    SegmentClassError,
)
from mmseg_deeplab.utils.image_files import decode
from mmseg_deeplab.utils.listing import some

from .checked_loading import LoadCheckedAnnotations
from .label_checks import MAX_LISTED

# Cityscapes writes label * 1000 + number for an instance, and the bare label for pixels
# without instances.
CITYSCAPES_DIVISOR = 1000


@TRANSFORMS.register_module()
class LoadPanopticAnnotations(LoadCheckedAnnotations):
    """Load ``gt_panoptic_seg``, ``(H, W)`` int32, and ``gt_seg_map``, its classes.

    Ids are those of :mod:`mmseg_deeplab.ops.panoptic_ids`; instances are numbered from
    1 in each image. The data set says what the file holds:

    - ``segments``: the file is a PNG with ``id = R + 256 * G + 65536 * B``, 0 for void,
      and the rows ``(S, 3)`` are id, class (-1 for none) and whether it is a crowd;
    - ``label_ids``: the file is Cityscapes' ``instanceIds``, and this is the class of
      each label, 255 for void;
    - ``thing_classes``: the classes that have instances.

    A map that the data set has drawn is left as it is. The arguments are those of the
    base class.

    Raises:
        ValueError: If the file is no whole image of this format, an id has no class, a
            listed segment has no pixel, or the size is not that of the image.
    """

    def load(self, results: dict) -> bool:
        """Set both maps and ``seg_fields``; False on a bare image."""
        if results.get('gt_panoptic_seg') is None:
            if not results.get('seg_map_path'):
                return super().load(results)
            results['gt_panoptic_seg'] = self._read_ids(results)
        results['gt_seg_map'] = class_map(results['gt_panoptic_seg'])
        fields = results.setdefault('seg_fields', [])
        fields += {'gt_panoptic_seg', 'gt_seg_map'} - set(fields)
        return True

    def _read_ids(self, results: dict) -> np.ndarray:
        path = results['seg_map_path']
        raw = self.decoded.get(
            path, lambda: self._decode_numbers(path), setting='panoptic'
        )
        new = results.get('label_map') or {}
        if results.get('segments') is not None:
            classes, where = _find_listed(raw, results['segments'], path)
            crowd = results['segments'][:, 2] != 0
        else:
            values, classes, where = _find_labels(raw, results['label_ids'], path)
            crowd = values < CITYSCAPES_DIVISOR
        classes = np.array([new.get(one, one) for one in classes.tolist()], int)
        things = np.isin(classes, results['thing_classes']) & ~crowd
        ids = panoptic_ids(classes, _numbers(classes, things, path))
        void = panoptic_ids(np.array([IGNORED_CLASS]), np.array([0]))
        return np.concatenate([ids, void])[where]

    def _decode_numbers(self, path: str) -> np.ndarray:
        """Decode one number per pixel, int32, whether the file has colours or not."""
        image = decode(self._content(path), path, flag='unchanged', backend='cv2')
        if image.ndim == 2:
            return image.astype(np.int32)
        blue, green, red = (image[..., i].astype(np.int32) for i in range(3))
        return red + (green << 8) + (blue << 16)


def _find_listed(
    raw: np.ndarray, segments: np.ndarray, path: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the class of each listed segment, and where it is; -1 is void."""
    _check_listed(segments, path)
    order = np.argsort(segments[:, 0])
    known = np.append(segments[order, 0], np.iinfo(np.int32).max)
    place = np.searchsorted(known, raw)
    found = known[place] == raw
    if (stray := raw[~found & (raw != 0)]).size:
        raise SegmentClassError(
            f'{path}: holds segments without a category: the ids {_some(stray)} are '
            'not in the JSON file. Remedy: take PNG and JSON files of one export.'
        )
    where = np.where(found, np.append(order, -1)[place], -1)
    pixels = np.bincount(where.ravel() + 1, minlength=len(segments) + 1)[1:]
    if not pixels.all():
        raise AbsentSegmentError(
            f'{path}: holds no pixel of segments that the JSON file lists: '
            f'{_some(segments[pixels == 0, 0])}. Remedy: take PNG and JSON files of '
            'one export, and write the JSON file anew after a resize.'
        )
    return segments[:, 1], where


def _check_listed(segments: np.ndarray, path: str) -> None:
    """Refuse segments that are listed twice or without a category."""
    found, count = np.unique(segments[:, 0], return_counts=True)
    if (count > 1).any():
        raise SegmentClassError(
            f'{path}: the JSON file lists segments twice: {_some(found[count > 1])}. '
            'Remedy: give each segment an id of its own.'
        )
    if (segments[:, 1] < 0).any():
        raise SegmentClassError(
            f'{path}: segments have a category_id that is not in `categories` of the '
            f'JSON file: {_some(segments[segments[:, 1] < 0, 0])}. Remedy: add the '
            'category, or correct the segments.'
        )


def _find_labels(
    raw: np.ndarray, label_ids: dict[int, int], path: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values of a file, the class of each, and where each one is."""
    if raw.max() >= 2**16:
        raise LabelFormatError(
            f'{path}: is a colour image, expected *_instanceIds.png with one channel '
            'of 16 bits. Remedy: correct seg_map_suffix, or give the JSON file of '
            'coloured files in ann_file.'
        )
    pixels = np.bincount(raw.ravel())
    values = np.flatnonzero(pixels)
    labels = np.where(values < CITYSCAPES_DIVISOR, values, values // CITYSCAPES_DIVISOR)
    if (unknown := values[~np.isin(labels, [*label_ids])]).size:
        raise SegmentClassError(
            f'{path}: holds values without a category: {_some(unknown)}. Expected '
            'label or label * 1000 + number of Cityscapes, labels 0..33. Remedy: give '
            'the *_instanceIds.png files.'
        )
    classes = np.array([label_ids[label] for label in labels.tolist()])
    return values, classes, (np.cumsum(pixels > 0) - 1)[raw]


def _numbers(classes: np.ndarray, things: np.ndarray, path: str) -> np.ndarray:
    """Number the instances of each class from 1 in their order; 0 for the others."""
    numbers = np.zeros_like(classes)
    for one in np.unique(classes[things]):
        chosen = things & (classes == one)
        numbers[chosen] = np.arange(1, chosen.sum() + 1)
    if (numbers >= LABEL_DIVISOR - 1).any():
        raise LabelValueError(
            f'{path}: holds {numbers.max()} instances of one class; at most '
            f'{LABEL_DIVISOR - 2} can be numbered. Remedy: cut the image into parts.'
        )
    return numbers


def _some(values: np.ndarray) -> str:
    return some(np.unique(values), MAX_LISTED)
