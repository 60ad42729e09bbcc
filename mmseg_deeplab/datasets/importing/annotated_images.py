"""What every reader of annotations gives: images with shapes, and the classes."""

import binascii
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from mmseg_deeplab.datasets.class_list import Color
from mmseg_deeplab.utils.errors import InputError, one_line

from .shape_masks import Patch, Size

# What code raises that reads a value which is missing or of another kind.
MALFORMED = (
    LookupError, TypeError, ValueError, AttributeError, OverflowError, RecursionError,
    OSError, binascii.Error, zlib.error, ArithmeticError,
)  # fmt: skip

BOX_ONLY = 'a box without an outline'


@dataclass(frozen=True)
class Shape:
    """One annotated object."""

    name: str | None  # the class; None if it is unknown: its pixels are not counted
    # Gives the mask (H, W), or a patch of it, for the image's size.
    draw: Callable[[Size], np.ndarray | Patch]
    why: str = ''  # why the class is unknown, or the outline is only a box
    may_be_empty: bool = False  # no fault without pixels: a class of a mask


@dataclass(frozen=True)
class AnnotatedImage:
    """An image and its shapes, in the order in which they are drawn."""

    path: str
    place: str  # the annotation's file
    shapes: list[Shape]
    size: Size | None = None  # what the annotation says of the image
    split: str | None = None


@dataclass
class Annotations:
    """All that one format has given."""

    names: list[str] = field(default_factory=list)  # the classes in order
    colors: dict[str, Color] = field(default_factory=dict)  # those that it has
    labels_every_pixel: bool = False  # others are unlabelled, rather than background
    images: list[AnnotatedImage] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)  # what, and why
    passed_over: Counter = field(default_factory=Counter)  # kinds that have no area
    masks: set[str] = field(default_factory=set)  # files that are no images

    @contextmanager
    def entry(self, place: str) -> Iterator[None]:
        """Read one image or file; a fault leaves it out and is the reason for that."""
        try:
            yield
        except MALFORMED as error:
            said = one_line(error)
            if not isinstance(error, InputError | OSError):
                said = f'is malformed ({type(error).__name__}: {said[:200]})'
            self.left_out[place] = said.removeprefix(f'{place}: ')

    def name_all(self) -> None:
        """Take the names of all shapes, in alphabetical order, where none are given."""
        used = {shape.name for image in self.images for shape in image.shapes}
        self.names += sorted(used - {None} - set(self.names))


def need(condition: object, message: str) -> None:
    """Raise InputError unless a condition holds."""
    if not condition:
        raise InputError(message)


def class_name(value: object) -> str:
    """Return a class name without blanks around it; anything else is an InputError."""
    name = ' '.join(value.split()) if isinstance(value, str) else ''
    need(name, f'the class name {value!r} is no text')
    return name
