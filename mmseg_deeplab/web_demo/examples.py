"""Images to try a model on."""

from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmseg.registry import DATASETS

from mmseg_deeplab.datasets import SyntheticStreets
from mmseg_deeplab.inference.images import IMAGE_SUFFIXES, is_image, read_image

NUM_EXAMPLES = 6


def folder_examples(
    folder: str | Path, *, max_pixels: int | None = None
) -> dict[str, np.ndarray]:
    """Read the first images of a folder, by name.

    Args:
        folder: Holds images.
        max_pixels: The largest allowed size of each.

    Raises:
        FileNotFoundError: If there is no such folder, or no image in it.
        ValueError: If a file is not an image, or too large.
    """
    paths = sorted(filter(is_image, Path(folder).glob('*')))
    if not paths:
        raise FileNotFoundError(
            f'--examples {str(folder)!r}: no such folder, or no image in it '
            f'({" ".join(IMAGE_SUFFIXES)})'
        )
    return {
        path.name: read_image(path, max_pixels=max_pixels)
        for path in paths[:NUM_EXAMPLES]
    }


def street_examples(config: str | None) -> dict[str, np.ndarray]:
    """Draw test scenes for a model of SyntheticStreets; none for another model.

    Args:
        config: Path of the model's config, or None.
    """
    if config is None:
        return {}
    settings = Config.fromfile(config).get('test_dataloader', {}).get('dataset', {})
    if settings.get('type') not in (SyntheticStreets, SyntheticStreets.__name__):
        return {}
    scenes = DATASETS.build({**settings, 'pipeline': [], 'indices': NUM_EXAMPLES})
    return {
        f'scene_{index}.png': scenes.get_data_info(index)['img'][..., ::-1]
        for index in range(len(scenes))
    }
