"""Files that a visitor takes home."""

import io
import re
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from mmseg_deeplab.inference import Predictor, overlay
from mmseg_deeplab.inference.output import write_labels, write_png
from mmseg_deeplab.utils.atomic_files import write_whole

from .scene import Choice, Scene


def save_labels(
    scene: Scene, choice: Choice, folder: str | Path, *, predictor: Predictor
) -> Path:
    """Write the label map: class ids, shown in the palette's colours.

    Args:
        scene: With a result of the choice.
        choice: Which result.
        folder: Gets a folder of its own for the file.
        predictor: Knows the palette.

    Returns:
        Path of the PNG.
    """
    path = _new_path(scene, choice, folder, 'labels')
    labels = scene.results[choice].labels
    if labels.dtype == np.uint8:
        write_whole(_indexed_png(labels, predictor.palette), path)
    else:  # more classes than a PNG has colours
        write_labels(path, labels)
    return path


def save_overlay(
    scene: Scene,
    choice: Choice,
    folder: str | Path,
    *,
    predictor: Predictor,
    opacity: float,
) -> Path:
    """Write the painted image at its own size.

    Args:
        scene: With a result of the choice.
        choice: Which result.
        folder: Gets a folder of its own for the file.
        predictor: Knows the palette.
        opacity: Of the colours, 0 to 1.

    Returns:
        Path of the PNG.
    """
    path = _new_path(scene, choice, folder, 'overlay')
    labels = scene.results[choice].labels
    painted = overlay(scene.image, labels, predictor.palette, opacity=opacity)
    write_png(path, painted)
    return path


def _new_path(scene: Scene, choice: Choice, folder: str | Path, kind: str) -> Path:
    words = (Path(scene.name).stem, choice.model, *choice.switches, kind)
    name = '_'.join(re.sub(r'[^\w.-]+', '-', word) for word in words)
    return Path(tempfile.mkdtemp(dir=folder)) / f'{name[-120:]}.png'


def _indexed_png(labels: np.ndarray, palette: list[list[int]]) -> bytes:
    picture = Image.fromarray(labels, 'P')
    picture.putpalette(np.asarray(palette, dtype=np.uint8).tobytes())
    file = io.BytesIO()
    picture.save(file, 'PNG')
    return file.getvalue()
