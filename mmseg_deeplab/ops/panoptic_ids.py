"""How one map of integers holds classes and instances.

A panoptic id is ``class * LABEL_DIVISOR + number``. Instances of a thing class are
numbered from 1; 0 is the number of stuff, and of a crowd: pixels of a thing class
without instances.
"""

from collections.abc import Mapping

import numpy as np

LABEL_DIVISOR = 1000  # as in Cityscapes and in both implementations of the authors
# Pixels without an id. It equals the padding of MMSegmentation's transforms, so that
# padded pixels are void; no instance of class 0 has this number.
VOID_ID = 255
IGNORED_CLASS = 255


def panoptic_ids(classes: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the ids of classes and numbers, int32; class 255 is void."""
    numbers = numbers + ((classes == 0) & (numbers >= VOID_ID))
    ids = classes.astype(np.int32) * LABEL_DIVISOR + numbers
    return np.where(classes == IGNORED_CLASS, VOID_ID, ids).astype(np.int32)


def class_map(ids: np.ndarray) -> np.ndarray:
    """Return the class of each id, uint8, 255 where it is :data:`VOID_ID`."""
    classes = (ids // LABEL_DIVISOR).astype(np.uint8)
    classes[ids == VOID_ID] = IGNORED_CLASS
    return classes


def thing_indices(metainfo: Mapping) -> list[int]:
    """Return the classes of a data set that have instances; some may be left out."""
    things = metainfo.get('thing_classes') or ()
    return [i for i, name in enumerate(metainfo['classes']) if name in things]
