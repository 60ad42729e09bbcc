"""A grid of images and masks with a legend of the classes."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmseg_deeplab.inference.overlay import IGNORED, colour_labels
from mmseg_deeplab.utils.errors import InputError

BACKGROUND, INK = (255, 255, 255), (30, 30, 30)
TEXT, GAP = 16, 8  # pixels: the height of letters, the space between parts


def draw_image_grid(
    rows: Sequence[Sequence[np.ndarray]],
    *,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    notes: Sequence[str] = (),
    columns: Sequence[str] = ('image', 'ground truth', 'prediction'),
    captions: Sequence[str] = (),
    listed: Sequence[bool] = (),
    tile_width: int = 320,
) -> np.ndarray:
    """Draw rows of images with a legend: RGB, ``(height, width, 3)`` uint8.

    An element of a row is an RGB image or a mask ``(H, W)``. ``notes`` stand behind the
    names of the classes that are ``listed``, ``captions`` above the rows.
    """
    if not rows:
        raise InputError('an image grid needs at least one row, received none')
    font = ImageFont.load_default(TEXT)
    notes, listed = notes or [''] * len(classes), listed or [True] * len(classes)
    table = zip(classes, notes, palette, listed, strict=True)
    legend = [
        (f'{name} {note}'.strip(), rgb) for name, note, rgb, show in table if show
    ]
    legend.append(('not labelled', IGNORED))
    legend_width = max(round(font.getlength(text)) for text, _ in legend)

    heights = [
        max(round(tile_width * t.shape[0] / t.shape[1]) for t in row) for row in rows
    ]
    line = TEXT + GAP if captions else 0
    top, step = GAP + TEXT + GAP, tile_width + GAP
    left = len(columns) * step + GAP
    body = max(sum(heights) + (GAP + line) * len(rows), len(legend) * (TEXT + GAP))
    size = (left + legend_width + TEXT + 3 * GAP, top + body)
    grid = Image.new('RGB', size, BACKGROUND)
    pen = ImageDraw.Draw(grid)
    for column, name in enumerate(columns):
        pen.text((GAP + column * step, GAP), name, INK, font)
    y = top
    for number, (row, height) in enumerate(zip(rows, heights, strict=True)):
        if captions:
            pen.text((GAP, y), captions[number], INK, font)
        for column, tile in enumerate(row):
            image = _tile(tile, palette, tile_width)
            grid.paste(image, (GAP + column * step, y + line))
        y += height + GAP + line
    for number, (text, colour) in enumerate(legend):
        y = top + number * (TEXT + GAP)
        box = (left, y, left + TEXT, y + TEXT)
        pen.rectangle(box, fill=tuple(colour), outline=INK)
        pen.text((left + TEXT + GAP, y - 2), text, INK, font)
    return np.asarray(grid)


def _tile(
    tile: np.ndarray, palette: Sequence[Sequence[int]], width: int
) -> Image.Image:
    size = (width, max(1, round(width * tile.shape[0] / tile.shape[1])))
    if tile.ndim == 3:
        return Image.fromarray(tile).resize(size, Image.Resampling.BILINEAR)
    painted = Image.fromarray(colour_labels(tile, palette))
    return painted.resize(size, Image.Resampling.NEAREST)
