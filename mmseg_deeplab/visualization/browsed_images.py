"""A picture of each sample, and a contact sheet of several draws of each image."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.dataset import BaseDataset
from PIL import Image

from mmseg_deeplab.inference.output import write_png
from mmseg_deeplab.inference.overlay import class_shares

from .browsed_samples import Sample, build_dataset, draw_sample
from .image_grid import draw_sheet

WIDTHS = (256, 1024)  # px, least and most, of an image in the picture of one sample
TILE = 256  # px, width on the contact sheet
MARGIN = (235, 235, 235)  # where a draw is less high than the others of its row


def browse(
    cfg: Config,
    out: str | Path,
    *,
    split: str = 'train',
    number: int = 6,
    draws: int = 4,
    stage: str = 'augmented',
    seed: int = 0,
) -> list[Path]:
    """Write pictures of samples spread evenly over a data set.

    ``<index>_<name>_<draw>.png`` shows image and labels in colour with the classes and
    their shares; ``sheet.png`` shows each image as it is loaded and then its draws.

    Args:
        cfg: A config.
        out: Folder to write into.
        split: ``'train'``, ``'val'`` or ``'test'``.
        number: Of images.
        draws: How often to draw each image; the original ones are drawn once.
        stage: ``'augmented'`` or ``'original'``, see :func:`build_dataset`.
        seed: Decides the draws; the same one gives the same pictures.

    Returns:
        The files, the sheet last.

    Raises:
        FileNotFoundError: If a folder of the data is missing.
        ValueError: If the config has no such data set, a number is below 1, or the
            pipeline does not end in ``PackSegInputs``.
    """
    for name, value in dict(number=number, draws=draws).items():
        if value < 1:
            raise ValueError(f'{name} must be at least 1, received {value}')
    dataset = build_dataset(cfg, split=split, stage=stage)
    originals = build_dataset(cfg, split=split, stage='original')
    count = draws if stage == 'augmented' else 1
    is_rgb = bool(_preprocessor(cfg).get('rgb_to_bgr'))
    files, rows = [], []
    for index in _spread(len(dataset), number):
        samples = [
            draw_sample(dataset, index, is_rgb=is_rgb, seed=seed, draw=draw)
            for draw in range(count)
        ]
        for draw, sample in enumerate(samples, start=1):
            files.append(Path(out) / f'{index:06d}_{sample.name}_{draw}.png')
            write_png(files[-1], np.asarray(draw_picture(sample, dataset)))
        if stage == 'augmented':
            samples.insert(0, draw_sample(originals, index, is_rgb=is_rgb))
        rows.append((f'{index}  {samples[0].name}', samples))
    files.append(Path(out) / 'sheet.png')
    write_png(files[-1], np.asarray(draw_contact_sheet(rows, dataset)))
    return files


def draw_picture(sample: Sample, dataset: BaseDataset) -> Image.Image:
    """Draw a sample: image, labels in colour, legend with shares of its pixels."""
    width = int(np.clip(sample.image.shape[1], *WIDTHS))
    tiles = (sample.image, sample.painted(dataset.metainfo['palette']))
    columns = ('image', 'labels')
    return _sheet([tiles], [sample], dataset, columns, tile_width=width)


def draw_contact_sheet(
    rows: Sequence[tuple[str, Sequence[Sample]]], dataset: BaseDataset
) -> Image.Image:
    """Draw a row per image, its samples side by side, labels in colour below each.

    Args:
        rows: Of each image its caption and its samples; where there are several, the
            first one is the original.
        dataset: Knows names and colours of the classes.
    """
    palette = dataset.metainfo['palette']
    scenes = []
    for _, samples in rows:
        tiles = [np.vstack([s.image, s.painted(palette)]) for s in samples]
        tiles = [_scaled(tile) for tile in tiles]
        height = max(tile.shape[0] for tile in tiles)
        scenes.append([_padded(tile, height) for tile in tiles])
    draws = [f'draw {number}' for number in range(1, len(rows[0][1]))]
    return _sheet(
        scenes,
        [sample for _, samples in rows for sample in samples],
        dataset,
        ('original', *draws),
        captions=[caption for caption, _ in rows],
        tile_width=TILE,
    )


def _sheet(
    scenes: Sequence[Sequence[np.ndarray]],
    samples: Sequence[Sample],
    dataset: BaseDataset,
    columns: Sequence[str],
    *,
    tile_width: int,
    captions: Sequence[str] = (),
) -> Image.Image:
    """Draw a sheet whose legend has the classes that occur, and their shares."""
    classes = dataset.metainfo['classes']
    found = [s.labels.ravel() for s in samples if s.labels is not None]
    labels = np.concatenate(found) if found else np.zeros(0, np.uint8)
    shares = class_shares(labels, max(256, len(classes)))[: len(classes)]
    return draw_sheet(
        scenes,
        classes=classes,
        palette=dataset.metainfo['palette'],
        notes=[f'{100 * share:.1f} %' for share in shares],
        listed=list(shares > 0),
        columns=columns,
        captions=captions,
        tile_width=tile_width,
    )


def _spread(length: int, number: int) -> list[int]:
    """Return up to ``number`` indices, evenly from the first to the last."""
    count = min(number, length)
    return np.linspace(0, length - 1, count).round().astype(int).tolist()


def _preprocessor(cfg: Config) -> dict:
    return (cfg.get('model') or {}).get('data_preprocessor') or {}


def _scaled(tile: np.ndarray) -> np.ndarray:
    height = max(1, round(TILE * tile.shape[0] / tile.shape[1]))
    return cv2.resize(tile, (TILE, height), interpolation=cv2.INTER_AREA)


def _padded(tile: np.ndarray, height: int) -> np.ndarray:
    below = height - tile.shape[0]
    return cv2.copyMakeBorder(tile, 0, below, 0, 0, cv2.BORDER_CONSTANT, value=MARGIN)
