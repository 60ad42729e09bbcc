"""A sheet of scenes: image, truth, prediction, and the legend of the classes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

BACKGROUND, INK = (255, 255, 255), (30, 30, 30)
IGNORED = (0, 0, 0)
TEXT = 16  # px
GAP = 8  # px


def colour_labels(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Paint a label map; values outside the palette (ignored pixels) become black.

    Args:
        labels: ``(H, W)`` integers.
        palette: ``K`` RGB colours.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    table = np.full((256, 3), IGNORED, dtype=np.uint8)
    table[: len(palette)] = palette
    return table[labels.astype(np.uint8)]


def draw_sheet(
    scenes: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
    notes: Sequence[str] = (),
    tile_width: int = 320,
) -> Image.Image:
    """Draw one row per scene: image | truth | prediction, with the legend at the right.

    Args:
        scenes: RGB image ``(H, W, 3)``, true and predicted labels ``(H, W)``.
        classes: Names of the ``K`` classes.
        palette: Their RGB colours.
        notes: What to write behind each name, such as its IoU.
        tile_width: Width of each picture in pixels.

    Raises:
        ValueError: If there is no scene.
    """
    if not scenes:
        raise ValueError('a sheet needs at least one scene, received none')
    heights = [round(tile_width * s[0].shape[0] / s[0].shape[1]) for s in scenes]
    legend = _draw_legend(classes, palette, notes)
    top = GAP + TEXT + GAP
    width = 3 * (tile_width + GAP) + GAP + legend.width
    height = top + max(sum(heights) + GAP * len(heights), legend.height)
    sheet = Image.new('RGB', (width, height), BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(TEXT)
    for column, name in enumerate(('image', 'truth', 'prediction')):
        pen.text((GAP + column * (tile_width + GAP), GAP), name, INK, font)
    y = top
    for (image, truth, prediction), tile_height in zip(scenes, heights, strict=True):
        tiles = (
            image,
            colour_labels(truth, palette),
            colour_labels(prediction, palette),
        )
        for column, tile in enumerate(tiles):
            kind = (
                Image.Resampling.BILINEAR if column == 0 else Image.Resampling.NEAREST
            )
            picture = Image.fromarray(tile).resize((tile_width, tile_height), kind)
            sheet.paste(picture, (GAP + column * (tile_width + GAP), y))
        y += tile_height + GAP
    sheet.paste(legend, (3 * (tile_width + GAP) + GAP, top))
    return sheet


def _draw_legend(
    classes: Sequence[str], palette: Sequence[Sequence[int]], notes: Sequence[str]
) -> Image.Image:
    notes = list(notes) or [''] * len(classes)
    lines = [
        f'{name} {note}'.strip() for name, note in zip(classes, notes, strict=True)
    ]
    rows = [*zip(lines, palette, strict=True), ('not labelled', IGNORED)]
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
