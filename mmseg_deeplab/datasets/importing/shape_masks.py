"""Masks ``(H, W)`` of annotated shapes: polygons, boxes, ellipses, runs, bitmaps.

Coordinates are those of annotation tools: the first pixel reaches from 0 to 1. A pixel
belongs to a shape if its centre does, so that shapes that share an edge neither overlap
nor leave a gap.
"""

import base64
import math
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import decode

Size = tuple[int, int]  # height, width
MAX_COORDINATE = 1e7  # px, far beyond any image
MAX_CROSSINGS = 50_000_000  # of edges and rows of pixels, in one polygon
MAX_BITMAP = 1 << 26  # bytes of a file inside an annotation


def as_ring(points: object) -> np.ndarray:
    """Make ``(P, 2)`` of a list of points, or of a flat list x, y, x, y."""
    try:
        ring = np.asarray(points, np.float64)
        ring = ring.reshape(-1, 2) if ring.ndim == 1 else ring
        sound = ring.ndim == 2 and ring.shape[1] == 2 and np.isfinite(ring).all()
    except (ValueError, TypeError, OverflowError):
        sound = False
    if not sound or (np.abs(ring) > MAX_COORDINATE).any():
        raise InputError(
            f'{str(points)[:80]!r} are no points, expected pairs of x and y'
        )
    return ring


class Patch(NamedTuple):
    """A mask of a part of the image, with its first row and column."""

    mask: np.ndarray
    top: int = 0
    left: int = 0

    @property
    def place(self) -> tuple[slice, slice]:
        """The rows and columns of the image that the mask covers."""
        height, width = self.mask.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def polygon_mask(parts: Sequence[Sequence[object]], size: Size) -> Patch:
    """Draw the union of parts; a part is a ring of points, then those of its holes."""
    patches = [_even_odd([as_ring(ring) for ring in rings], size) for rings in parts]
    if len(patches) == 1:
        return patches[0]
    mask = np.zeros(size, bool)
    for patch in patches:
        mask[patch.place] |= patch.mask
    return Patch(mask)


def _even_odd(rings: Sequence[np.ndarray], size: Size) -> Patch:
    """Toggle the rest of a row where an edge crosses the centres of its pixels."""
    height, width = size
    start = np.concatenate(rings)
    x0, y0 = start.T
    x1, y1 = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings]).T
    first, end = (
        np.clip(np.ceil(edge(y0, y1) - 0.5), 0, height).astype(np.int64)
        for edge in (np.minimum, np.maximum)
    )
    counts = end - first
    if counts.sum() > MAX_CROSSINGS:
        raise InputError(f'a polygon of {len(start)} points is too large to be drawn')
    edges = np.repeat(np.arange(len(start)), counts)
    rows = first[edges] + np.arange(len(edges)) - (np.cumsum(counts) - counts)[edges]
    slope = ((x1 - x0)[edges]) / (y1 - y0)[edges]
    x = x0[edges] + (rows + 0.5 - y0[edges]) * slope
    columns = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    if not len(rows):
        return Patch(np.zeros((0, 0), bool))
    top, left = int(rows.min()), int(columns.min())
    window = np.zeros((rows.max() - top + 1, columns.max() - left + 1), np.int32)
    np.add.at(window, (rows - top, columns - left), 1)
    inside = np.cumsum(window, axis=1) % 2 == 1
    return Patch(inside[:, : width - left], top, left)


def box_ring(
    left: float,
    top: float,
    width: float,
    height: float,
    angle: float = 0.0,
    pivot: tuple[float, float] | None = None,
) -> np.ndarray:
    """Return the corners of a box, turned clockwise by degrees about ``pivot``."""
    right, bottom = left + width, top + height
    corners = as_ring([(left, top), (right, top), (right, bottom), (left, bottom)])
    centre = np.array(pivot or (left + width / 2, top + height / 2))
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return (corners - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre


def ellipse_mask(
    x: float, y: float, radius_x: float, radius_y: float, angle: float, size: Size
) -> np.ndarray:
    """Draw an ellipse, turned clockwise by ``angle`` degrees about its centre."""
    as_ring([(x, y), (radius_x, radius_y)])
    if radius_x <= 0 or radius_y <= 0:
        return np.zeros(size, bool)
    rows, columns = np.ogrid[: size[0], : size[1]]
    dx, dy = columns + 0.5 - x, rows + 0.5 - y
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    along, across = dx * cos + dy * sin, dy * cos - dx * sin
    return (along / radius_x) ** 2 + (across / radius_y) ** 2 <= 1


def runs_mask(counts: Sequence[int], size: Size, *, order: str) -> np.ndarray:
    """Decode run lengths, the first of which is background.

    ``order`` is ``'F'`` for columns (COCO) and ``'C'`` for rows (CVAT).
    """
    counts = [int(count) for count in counts]
    total = size[0] * size[1]
    if min(counts, default=0) < 0 or sum(counts) != total:
        raise InputError(
            f'run lengths of {sum(counts)} pixels, expected {total} for '
            f'{size[1]}x{size[0]}'
        )
    values = np.arange(len(counts)) % 2 == 1
    return np.repeat(values, counts).reshape(size, order=order)


def coco_counts(text: str) -> list[int]:
    """Decode the run lengths of COCO's string: five bits a character, low bits first.

    From the fourth run on a number is the difference to the run before the last
    (``rleFrString`` of cocoapi).
    """
    counts, value, shift = [], 0, 0
    for code in text.encode('ascii'):
        code -= 48
        if not 0 <= code < 64 or shift > 60:
            raise InputError(f'{text[:40]!r} is no string of run lengths')
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            value -= (1 << shift) if code & 16 else 0
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def brush_mask(data: Sequence[int], size: Size) -> np.ndarray:
    """Decode Label Studio's brush: a stream of bits that holds R, G, B, alpha.

    The format is that of https://www.npmjs.com/package/@thi.ng/rle-pack: the number of
    values (32 bits), bits of a value - 1 (5), bits of four lengths - 1 (4 each); then
    for each run one bit, which length is used (2), the length - 1, and one value if the
    bit is set, else as many as the length. The mask is where alpha is not 0.
    """
    bits = np.unpackbits(np.asarray(data, np.uint8))
    place = 0

    def read(width: int, count: int = 1) -> np.ndarray:
        nonlocal place
        taken = bits[place : place + width * count]
        if len(taken) < width * count:
            raise InputError('a brush stroke that ends too early')
        place += width * count
        return taken.reshape(count, width) @ (1 << np.arange(width)[::-1])

    total, expected = int(read(32)[0]), size[0] * size[1] * 4
    if total != expected:
        raise InputError(
            f'a brush of {total} values, expected {expected} for {size[1]}x{size[0]}'
        )
    width = int(read(5)[0]) + 1
    lengths = [int(length) + 1 for length in read(4, 4)]
    values, at = np.zeros(total, np.int64), 0
    while at < total:
        repeats = read(1)[0]
        count = int(read(lengths[read(2)[0]])[0]) + 1
        if at + count > total:
            raise InputError('a brush stroke with more values than it says')
        values[at : at + count] = read(width, 1 if repeats else count)
        at += count
    return values.reshape(*size, 4)[..., 3] > 0


def bitmap_mask(
    data: str, left: float, top: float, size: Size, *, zipped: bool = False
) -> Patch:
    """Paste a file in base64 at a pixel; its alpha, or its values, are not 0 inside."""
    content = base64.b64decode(data)
    if zipped:
        content = zlib.decompressobj().decompress(content, MAX_BITMAP)
    image = decode(
        content, 'the bitmap', flag='unchanged', backend='cv2',
        max_pixels=size[0] * size[1],
    )  # fmt: skip
    patch = (image[..., -1] if image.ndim == 3 else image) > 0
    return paste(patch, int(left), int(top), size)


def paste(patch: np.ndarray, left: int, top: int, size: Size) -> Patch:
    """Put a small mask into an image; what lies outside is lost."""
    patch = patch[max(-top, 0) :, max(-left, 0) :]
    top, left = max(top, 0), max(left, 0)
    return Patch(patch[: max(size[0] - top, 0), : max(size[1] - left, 0)], top, left)
