"""A sheet of scenes: image, label maps, and the legend of the classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mmseg_deeplab.inference.overlay import IGNORED, colour_labels

BACKGROUND, INK = (255, 255, 255), (30, 30, 30)
TEXT = 16  # px
GAP = 8  # px


def draw_sheet(
    scenes: Sequence[Sequence[np.ndarray]],
    *,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    notes: Sequence[str] = (),
    columns: Sequence[str] = ('image', 'truth', 'prediction'),
    captions: Sequence[str] = (),
    listed: Sequence[bool] = (),
    tile_width: int = 320,
) -> Image.Image:
    """Draw one row per scene, the pictures side by side, with the legend at the right.

    Args:
        scenes: Of each scene one array per column: an RGB image ``(H, W, 3)`` or a
            label map ``(H, W)``.
        classes: Names of the ``K`` classes.
        palette: Their RGB colours.
        notes: What to write behind each name, such as its IoU.
        columns: What to write above the columns.
        captions: What to write above each row; none takes no room.
        listed: Whether the legend shows a class; by default it shows all.
        tile_width: Width of each picture in pixels.

    Raises:
        ValueError: If there is no scene.
    """
    if not scenes:
        raise ValueError('a sheet needs at least one scene, received none')
    heights = [round(tile_width * s[0].shape[0] / s[0].shape[1]) for s in scenes]
    line = TEXT + GAP if captions else 0
    legend = _draw_legend(classes, palette, notes, listed or [True] * len(classes))
    top, step = GAP + TEXT + GAP, tile_width + GAP
    width = len(columns) * step + GAP + legend.width
    height = top + max(sum(heights) + (GAP + line) * len(heights), legend.height)
    sheet = Image.new('RGB', (width, height), BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    for column, name in enumerate(columns):
        pen.text((GAP + column * step, GAP), name, INK, font)
    y = top
    for row, (scene, tile_height) in enumerate(zip(scenes, heights, strict=True)):
        if captions:
            pen.text((GAP, y), captions[row], INK, font)
        for column, tile in enumerate(scene):
            picture = _tile(tile, palette, (tile_width, tile_height))
            sheet.paste(picture, (GAP + column * step, y + line))
        y += tile_height + GAP + line
    sheet.paste(legend, (len(columns) * step + GAP, top))
    return sheet


def _tile(
    tile: np.ndarray, palette: Sequence[Sequence[int]], size: tuple[int, int]
) -> Image.Image:
    if tile.ndim == 3:
        return Image.fromarray(tile).resize(size, Image.Resampling.BILINEAR)
    painted = Image.fromarray(colour_labels(tile, palette))
    return painted.resize(size, Image.Resampling.NEAREST)


def _draw_legend(
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    notes: Sequence[str],
    listed: Sequence[bool],
) -> Image.Image:
    notes = list(notes) or [''] * len(classes)
    rows = [
        (f'{name} {note}'.strip(), colour)
        for name, note, colour, show in zip(
            classes, notes, palette, listed, strict=True
        )
        if show
    ]
    rows.append(('not labelled', IGNORED))
    font = ImageFont.load_default(TEXT)
    width = max(round(font.getlength(line)) for line, _ in rows) + TEXT + 3 * GAP
    legend = Image.new('RGB', (width, len(rows) * (TEXT + GAP)), BACKGROUND)
    pen = ImageDraw.Draw(legend)
    for row, (line, colour) in enumerate(rows):
        y = row * (TEXT + GAP)
        pen.rectangle((0, y, TEXT, y + TEXT), fill=tuple(colour), outline=INK)
        pen.text((TEXT + GAP, y - 2), line, INK, font)
    return legend


def save_sheet(sheet: Image.Image, path: str | Path) -> None:
    """Write the sheet as a PNG."""
    sheet.save(path, optimize=True)
