"""Which images tune the CRF, and which other images judge it."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from mmseg_deeplab.config.labelled_images import LabelledImages

DEFAULT_NUM_IMAGES = 100  # DeepLab v1, section 4.2; v2, section 4.1


@dataclass(frozen=True)
class Sample:
    """An image at its original size with what the network predicts."""

    image: Tensor  # (1, 3, H, W) uint8 RGB
    label: Tensor  # (H, W) class ids, 255 where no class is labelled
    probabilities: Tensor  # (1, K, H, W) float32, without a CRF

    def to(self, device: str | torch.device) -> 'Sample':
        """Return the sample on a device."""
        tensors = self.image, self.label, self.probabilities
        return Sample(*(tensor.to(device) for tensor in tensors))


@dataclass(frozen=True)
class ImageSet:
    """Some images of one split."""

    split: str
    images: LabelledImages  # all images of the split
    files: tuple[str, ...]  # their files; a synthetic data set names virtual ones
    indices: tuple[int, ...]  # positions of the chosen images, ascending

    def __len__(self) -> int:
        return len(self.indices)

    def paths(self) -> list[str]:
        """Return the image files of the chosen images."""
        return [self.files[index] for index in self.indices]

    def read(self, index: int) -> tuple[np.ndarray, Tensor]:
        """Read the image ``(H, W, 3)``, RGB, and the label ``(H, W)`` of a position.

        Raises:
            ValueError: If there is no label, or it has another size than the image.
        """
        image, label, path = self.images[index]
        if label is None or label.shape[1:] != image.shape[:2]:
            found = 'no label' if label is None else f'a label of {label.shape[1:]}'
            raise ValueError(
                f'{path}: {found} was loaded for {image.shape[:2]} pixels; the CRF is '
                "tuned on labelled images. Add dict(type='LoadCheckedAnnotations') to "
                'the pipeline, or choose a --holdout-split with labels'
            )
        return image, label[0]


def whole_split(cfg: Config, split: str) -> ImageSet:
    """Return all images of a split.

    Raises:
        FileNotFoundError: If the data is missing.
        ValueError: If the config has no such split.
    """
    images = LabelledImages(cfg, split)
    files = tuple(image for image, _ in images.files())
    return ImageSet(split, images, files, tuple(range(len(images))))


def spread(count: int, total: int, *, seed: int) -> tuple[int, ...]:
    """Cut a list into ``count`` equal runs and choose one position in each at random.

    Neighbours in a list are often alike (frames of one drive), so the runs spread the
    choice over the whole list. The same seed gives the same positions.
    """
    edges = np.linspace(0, total, count + 1).round().astype(int)
    generator = np.random.default_rng(seed)
    return tuple(int(generator.integers(low, high)) for low, high in pairwise(edges))


def choose_images(
    cfg: Config,
    *,
    num_images: int | None = None,
    holdout_split: str = 'val',
    num_holdout: int | None = None,
    seed: int = 0,
) -> tuple[ImageSet, ImageSet]:
    """Choose the images to tune on, and held-out ones; they share no file.

    Args:
        cfg: The whole config.
        num_images: Images of the validation split to tune on. The default is 100, or
            half of the split where both sets come from a split of less than 200.
        holdout_split: ``'val'`` (its other images) or ``'test'``. Where both splits
            list the same files, the images for tuning are left out.
        num_holdout: Number of held-out images; the default is all of them.
        seed: Seed of the random choice.

    Raises:
        ValueError: If there are too few images.
    """
    val = whole_split(cfg, 'val')
    most = len(val) - 1 if holdout_split == 'val' else len(val)
    if num_images is None:
        share = len(val) // 2 if holdout_split == 'val' else len(val)
        num_images = min(DEFAULT_NUM_IMAGES, max(1, share))
    if not 1 <= num_images <= most:
        raise ValueError(
            f'num_images={num_images}: the validation split has {len(val)} images, of '
            f'which at most {most} can tune the CRF when the {holdout_split} split '
            'judges it. Take fewer (--num-images), or --holdout-split test'
        )
    tuning = replace(val, indices=spread(num_images, len(val), seed=seed))
    other = val if holdout_split == 'val' else whole_split(cfg, 'test')
    taken = set(tuning.paths())
    rest = [i for i, path in enumerate(other.files) if path not in taken]
    count = len(rest) if num_holdout is None else num_holdout
    if not 1 <= count <= len(rest):
        raise ValueError(
            f'num_holdout={num_holdout}: the {holdout_split} split has {len(rest)} '
            'images that are not used for tuning, and at least one must judge the '
            'result. Take fewer for tuning (--num-images), or another --holdout-split'
        )
    chosen = (rest[i] for i in spread(count, len(rest), seed=seed))
    return tuning, replace(other, indices=tuple(chosen))
