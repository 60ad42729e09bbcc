"""Inputs that are predicted piece by piece: videos, rasters, very large images."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path

from .file_outputs import FileOutputs
from .images import header_size
from .inputs import InputFile
from .predictor import Predictor
from .raster import predict_raster
from .raster_files import RASTER_SUFFIXES, TIFF_SUFFIXES, is_raster
from .run_options import RunOptions
from .video import VIDEO_SUFFIXES, predict_video


class Kind(Enum):
    """How an input is predicted."""

    IMAGE = 'image'
    VIDEO = 'video'
    RASTER = 'raster'


def kind_of(path: str, *, max_pixels: int) -> Kind:
    """Tell how a file is predicted, by its suffix and its header.

    Args:
        path: The file.
        max_pixels: Larger images are predicted by windows.
    """
    if Path(path).suffix.lower() in VIDEO_SUFFIXES:
        return Kind.VIDEO
    if is_raster(path):
        return Kind.RASTER
    size = header_size(path)
    is_large = size is not None and size[0] * size[1] > max_pixels
    return Kind.RASTER if is_large else Kind.IMAGE


def is_big(path: str, *, max_pixels: int) -> bool:
    """Tell whether a file is a video or a raster; of photos only the name is looked at.

    Args:
        path: The file.
        max_pixels: As for :func:`kind_of`.
    """
    may_be = (*VIDEO_SUFFIXES, *RASTER_SUFFIXES, *TIFF_SUFFIXES)
    if Path(path).suffix.lower() not in may_be:
        return False
    return kind_of(path, max_pixels=max_pixels) is not Kind.IMAGE


def predict_big(
    kind: Kind,
    predictor: Predictor,
    item: InputFile,
    outputs: FileOutputs,
    options: RunOptions,
    *,
    on_step: Callable[[str], None],
) -> list[Path]:
    """Predict a video or a raster and write its outputs.

    Args:
        kind: Not an image.
        predictor: The model.
        item: The input.
        outputs: What to write. A video always has its overlay and no probabilities, a
            raster no overlay.
        options: How.
        on_step: Called with what has been done of it so far, in words.

    Returns:
        The files.
    """
    predict = _predict_video if kind is Kind.VIDEO else _predict_raster
    return predict(predictor, item, outputs, options, _counter(item, kind, on_step))


def _predict_video(
    predictor: Predictor,
    item: InputFile,
    outputs: FileOutputs,
    options: RunOptions,
    on_frames: Callable[[int], None],
) -> list[Path]:
    painted = outputs.path(item, 'overlays', Path(item.path).suffix.lower())
    labels = outputs.path(item, 'labels', '.mkv')
    predict_video(
        predictor,
        item.path,
        painted,
        batch_size=options.batch_size,
        opacity=outputs.opacity,
        label_video=labels,
        on_frames=on_frames,
    )
    return [painted, labels]


def _predict_raster(
    predictor: Predictor,
    item: InputFile,
    outputs: FileOutputs,
    options: RunOptions,
    on_windows: Callable[[int], None],
) -> list[Path]:
    paths = [outputs.path(item, 'labels', '.tif')]
    if outputs.probabilities:
        paths.append(outputs.path(item, 'probabilities', '.tif'))
    predict_raster(
        predictor,
        item.path,
        paths[0],
        batch_size=options.batch_size,
        probabilities=paths[1] if outputs.probabilities else None,
        on_windows=on_windows,
        **options.of_rasters(),
    )
    return paths


def _counter(
    item: InputFile, kind: Kind, on_step: Callable[[str], None]
) -> Callable[[int], None]:
    """Return what adds up the pieces of an input and says how many there are."""
    pieces = 'frames' if kind is Kind.VIDEO else 'windows'
    done = 0

    def add(count: int) -> None:
        nonlocal done
        done += count
        on_step(f'{Path(item.name).name}: {done} {pieces}')

    return add
