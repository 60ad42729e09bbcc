"""A sheet of the images that a refinement changes most, for better and for worse."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

from mmseg_deeplab.crf_tuning.sample import read_label
from mmseg_deeplab.crf_tuning.tuning_images import ImageSet
from mmseg_deeplab.visualization.image_grid import draw_image_grid

from .measure import IGNORE_INDEX, Refiner, Result

BETTER, WORSE, SAME = (0, 150, 60), (210, 30, 30), (235, 235, 235)
WRONG_BEFORE_AND_AFTER = (200, 200, 200)


def most_changed(before: Result, after: Result, rows: int) -> list[int]:
    """Choose images by the change of their pixel accuracy, not by looks.

    The list is cut into ``rows`` equal runs, since neighbours (frames of one drive) are
    often alike. Of each run, the image that gains most is taken, and the one that loses
    most, or gains least.

    Args:
        before: A variant.
        after: The one that refines it.
        rows: How many of either kind; an image is never taken twice.

    Returns:
        Places in the list of images, from the greatest gain to the greatest loss.
    """
    changes = np.subtract(after.accuracies, before.accuracies)
    labelled = np.flatnonzero(~np.isnan(changes))
    runs = [run for run in np.array_split(labelled, max(1, rows)) if len(run)]
    ends = [run[pick(changes[run])] for run in runs for pick in (np.argmax, np.argmin)]
    return sorted({int(end) for end in ends}, key=lambda end: (-changes[end], end))


def change_map(truth: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Paint what a refinement has corrected and what it has spoiled.

    Args:
        truth: ``(H, W)``, as the others.
        before: Labels without it.
        after: Labels with it.

    Returns:
        ``(H, W, 3)`` uint8: green, red, light grey where both are right, grey where
        both are wrong, and white where nothing is labelled.
    """
    right_before, right_after = before == truth, after == truth
    painted = np.full((*truth.shape, 3), SAME, dtype=np.uint8)
    painted[~right_before & ~right_after] = WRONG_BEFORE_AND_AFTER
    painted[~right_before & right_after] = BETTER
    painted[right_before & ~right_after] = WORSE
    painted[truth == IGNORE_INDEX] = 255
    return painted


def draw_changes(
    refiner: Refiner,
    images: ImageSet,
    before: Result,
    after: Result,
    *,
    rows: int = 3,
    tile_width: int = 320,
) -> Image.Image:
    """Draw image, truth, before, after and the change of the most changed images.

    Args:
        refiner: What the results were made with.
        images: The same.
        before: A variant.
        after: The one that refines it.
        rows: See :func:`most_changed`.
        tile_width: Of each picture, pixels.
    """
    places = most_changed(before, after, rows)
    meta = images.dataset.metainfo
    names = before.report.get('classes') or list(meta['classes'])
    scenes = [_scene(refiner, images, p, before, after) for p in places]
    return draw_image_grid(
        scenes,
        classes=meta['classes'],
        palette=meta['palette'],
        notes=[_note(n, before, after) if n in names else '' for n in meta['classes']],
        listed=_occurring(scenes, names, meta['classes']),
        columns=(
            'image',
            'truth',
            f'before: {before.variant.name}',
            f'after: {after.variant.name}',
            'green: corrected, red: spoiled',
        ),
        captions=[_caption(images, p, before, after) for p in places],
        tile_width=tile_width,
    )


def _scene(
    refiner: Refiner, images: ImageSet, place: int, before: Result, after: Result
) -> list[np.ndarray]:
    index = images.indices[place]
    sample = images.dataset[index]
    truth = _array(read_label(sample, images.files[index][0]))
    maps = refiner(sample)
    first, second = (_array(maps[r.variant.name]) for r in (before, after))
    image = _array(refiner.image(sample)[0].permute(1, 2, 0))
    return [image, truth, first, second, change_map(truth, first, second)]


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy().astype(np.uint8)


def _occurring(
    scenes: Sequence[Sequence[np.ndarray]], names: Sequence[str], classes: Sequence[str]
) -> list[bool]:
    """Tell for each class whether the legend needs it."""
    found = np.unique(np.concatenate([m.ravel() for s in scenes for m in s[1:4]]))
    return [name in names or i in found for i, name in enumerate(classes)]


def _note(name: str, before: Result, after: Result) -> str:
    ious = [result.report['per_class'][name]['IoU'] for result in (before, after)]
    return ' -> '.join('-' if iou is None else f'{iou:.1f}' for iou in ious)


def _caption(images: ImageSet, place: int, before: Result, after: Result) -> str:
    name = images.files[images.indices[place]][0]
    first, second = (100 * result.accuracies[place] for result in (before, after))
    return (
        f'{name.rsplit("/", 1)[-1]}: pixel accuracy {first:.1f} -> {second:.1f} % '
        f'({second - first:+.1f})'
    )
