"""Images to try a model on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_deeplab.datasets import SyntheticStreets
from mmseg_deeplab.inference.images import IMAGE_SUFFIXES, read_image

NUM_EXAMPLES = 6


@dataclass(frozen=True)
class Example:
    """An image of the page's own.

    Args:
        name: File name.
        image: ``(H, W, 3)`` RGB, uint8.
    """

    name: str
    image: np.ndarray


def folder_examples(
    folder: str | Path, *, max_pixels: int | None = None
) -> list[Example]:
    """Read the first images of a folder by name.

    Args:
        folder: Holds images.
        max_pixels: Limit of each.

    Raises:
        FileNotFoundError: If there is no such folder, or no image in it.
        ValueError: If a file is no image, or too large a one.
    """
    paths = sorted(
        path for path in Path(folder).glob('*') if path.suffix.lower() in IMAGE_SUFFIXES
    )
    if not paths:
        raise FileNotFoundError(
            f'--examples {str(folder)!r}: no such folder, or no image in it '
            f'({" ".join(IMAGE_SUFFIXES)})'
        )
    return [
        Example(path.name, read_image(path, max_pixels=max_pixels))
        for path in paths[:NUM_EXAMPLES]
    ]


def street_examples(config: str | None) -> list[Example]:
    """Draw test scenes for a model of SyntheticStreets; none for another model.

    Args:
        config: Path of the model's config, or None.
    """
    if config is None:
        return []
    settings = Config.fromfile(config).get('test_dataloader', {}).get('dataset', {})
    kind = settings.get('type')
    if kind != SyntheticStreets.__name__ and kind is not SyntheticStreets:
        return []
    scenes = DATASETS.build({**settings, 'pipeline': [], 'indices': NUM_EXAMPLES})
    return [
        Example(f'scene_{index}.png', scenes.get_data_info(index)['img'][..., ::-1])
        for index in range(len(scenes))
    ]
