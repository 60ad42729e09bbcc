"""The samples of a data set as a training gets them: images with coloured labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from mmengine.config import Config, ConfigDict
from mmengine.dataset import BaseDataset
from mmengine.runner import set_random_seed
from mmseg.registry import DATASETS

from mmseg_deeplab.config.config_errors import blames_config
from mmseg_deeplab.config.labelled_images import LabelledImages, as_rgb, bands_of
from mmseg_deeplab.inference.overlay import class_shares, overlay
from mmseg_deeplab.utils.array_files import save_image
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_bands import ImageBands
from mmseg_deeplab.utils.value_checks import require_at_least, require_one_of

from .image_grid import draw_image_grid

SPLITS, STAGES = ('train', 'val', 'test'), ('augmented', 'original')
WIDTHS = (256, 1024)  # pixels: the least and the greatest width of a single image
MAX_NAME = 50  # characters of an image's name in that of a file
TILE = 256  # pixels: the width of an image in the grid


@dataclass(frozen=True)
class Sample:
    """What a pipeline has made of an image, before normalisation and padding."""

    name: str  # the file name of the image, without suffix
    image: np.ndarray  # RGB, (H, W, 3) uint8
    labels: np.ndarray | None  # (H, W), or None where the data set has none

    def painted(self, palette: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the image under the colours of its labels; ignored pixels are dark."""
        if self.labels is None:
            return self.image
        return overlay(self.image, self.labels, palette)


@blames_config
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
    """Write images of samples spread evenly over a data set; return their paths.

    ``<index>_<name>_<draw>.png`` shows an image and its labels in colour, ``sheet.png``
    all of them: as they are loaded, then their draws. ``'original'`` has no draws.
    """
    require_at_least(1, number=number, draws=draws)
    require_one_of('stage', stage, STAGES)
    originals = LabelledImages(cfg, split)
    dataset = DATASETS.build(ConfigDict(cfg[f'{split}_dataloader']).dataset)
    palette = dataset.metainfo['palette']
    preprocessor = (cfg.get('model') or {}).get('data_preprocessor') or {}
    colours = dict(
        is_rgb=bool(preprocessor.get('rgb_to_bgr')),
        bands=bands_of(cfg[f'{split}_dataloader']),
    )
    names = ['original'] + [f'draw {i}' for i in range(1, draws + 1)]
    files, captions, rows, shown = [], [], [], []
    indices = np.linspace(0, len(dataset) - 1, min(number, len(dataset)))
    for index in indices.round().astype(int).tolist():
        loaded = originals[index]
        labels = None if loaded.label is None else loaded.label.squeeze(0).numpy()
        name = Path(loaded.path or f'image_{index}').stem
        original = Sample(name, loaded.image, labels)
        samples = [original]
        if stage == 'augmented':
            samples = [
                draw_sample(dataset, index, seed=seed, draw=draw, **colours)
                for draw in range(draws)
            ]
        for draw, sample in enumerate(samples, start=1):
            files.append(Path(out) / f'{index:06d}_{sample.name[:MAX_NAME]}_{draw}.png')
            width = int(np.clip(sample.image.shape[1], *WIDTHS))
            row = (sample.image, sample.painted(palette))
            _write_grid(files[-1], [row], [sample], dataset, ('image', 'labels'), width)
        samples = samples if samples[0] is original else [original, *samples]
        shown += samples
        captions.append(f'{index}  {original.name}')
        rows.append([np.vstack([s.image, s.painted(palette)]) for s in samples])
    files.append(Path(out) / 'sheet.png')
    _write_grid(files[-1], rows, shown, dataset, names[: len(rows[0])], TILE, captions)
    return files


def _write_grid(
    file: Path,
    rows: Sequence[Sequence[np.ndarray]],
    samples: Sequence[Sample],
    dataset: BaseDataset,
    columns: Sequence[str],
    tile_width: int,
    captions: Sequence[str] = (),
) -> None:
    """Write an image grid whose legend has the classes that occur and their shares."""
    classes = dataset.metainfo['classes']
    found = [s.labels.ravel() for s in samples if s.labels is not None]
    labels = np.concatenate(found) if found else np.zeros(0, np.uint8)
    shares = class_shares(labels, max(256, len(classes)))[: len(classes)]
    grid = draw_image_grid(
        rows,
        classes=classes,
        palette=dataset.metainfo['palette'],
        notes=[f'{100 * share:.1f} %' for share in shares],
        listed=list(shares > 0),
        columns=columns,
        captions=captions,
        tile_width=tile_width,
    )
    save_image(file, grid)


def draw_sample(
    dataset: BaseDataset,
    index: int,
    *,
    is_rgb: bool,
    bands: ImageBands | None = None,
    seed: int = 0,
    draw: int = 0,
) -> Sample:
    """Run the pipeline once; its random numbers depend on seed, index and draw alone.

    ``is_rgb`` says whether the pipeline's images are RGB; otherwise they are BGR, or of
    the given bands.
    """
    mixed = np.random.SeedSequence([seed, index, draw]).generate_state(1)[0]
    set_random_seed(int(mixed))
    packed = dataset[index]
    if 'data_samples' not in packed or isinstance(packed['inputs'], list):
        raise InputError(
            'the pipeline must end in PackSegInputs and make one image of one; it '
            f'gives { {key: type(value).__name__ for key, value in packed.items()} }'
        )
    image = packed['inputs'].numpy().transpose(1, 2, 0).clip(0, 255).round()
    image = np.ascontiguousarray(as_rgb(image, is_rgb=is_rgb, bands=bands), np.uint8)
    sample = packed['data_samples']
    name = Path(sample.metainfo.get('img_path') or f'image_{index}').stem
    if 'gt_sem_seg' not in sample:
        return Sample(name, image, None)
    labels = sample.gt_sem_seg.data.squeeze(0).numpy()
    if image.shape[:2] != labels.shape:  # pipelines of tests resize the image alone
        image = cv2.resize(image, labels.shape[::-1], interpolation=cv2.INTER_AREA)
    return Sample(name, image, labels)
