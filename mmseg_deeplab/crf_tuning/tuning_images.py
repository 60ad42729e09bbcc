"""Which images tune the CRF, which others judge it, and the mIoU on them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor, nn

from mmseg_deeplab.config.labelled_images import LabelledImages
from mmseg_deeplab.evaluation.metrics import summary_metrics
from mmseg_deeplab.ops.confusion import confusion_matrix
from mmseg_deeplab.utils.errors import InputError

WIDTHS = ('bilateral_xy', 'bilateral_rgb', 'gaussian_xy')
DEFAULT_NUM_IMAGES = 100  # DeepLab v1, section 4.2; v2, section 4.1


@dataclass(frozen=True)
class Sample:
    """An image at its original size with what the network predicts."""

    image: Tensor  # (1, 3, H, W) uint8 RGB
    label: Tensor  # (H, W) class ids, 255 where no class is labelled
    probabilities: Tensor  # (1, K, H, W) float32, without a CRF

    def to(self, device: str | torch.device) -> 'Sample':
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
        """Read the image ``(H, W, 3)``, RGB, and the label ``(H, W)`` of a position."""
        image, label, path = self.images[index]
        if label is None or label.shape[1:] != image.shape[:2]:
            found = 'no label' if label is None else f'a label of {label.shape[1:]}'
            raise InputError(
                f'{path}: {found} was loaded for {image.shape[:2]} pixels. Add '
                'LoadCheckedAnnotations, or choose a --holdout-split with labels'
            )
        return image, label[0]


def whole_split(cfg: Config, split: str) -> ImageSet:
    images = LabelledImages(cfg, split)
    files = tuple(image for image, _ in images.files())
    return ImageSet(split, images, files, tuple(range(len(images))))


def spread(count: int, total: int, *, seed: int) -> tuple[int, ...]:
    """Cut a list into ``count`` equal runs and choose one position in each at random.

    Neighbours in a list are often alike (frames of one drive).
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

    By default 100 images of the validation split tune, at most half of it where both
    come from there, and all others are held out.
    """
    val = whole_split(cfg, 'val')
    is_shared = holdout_split == 'val'
    most = len(val) - is_shared
    if num_images is None:
        num_images = min(DEFAULT_NUM_IMAGES, max(1, len(val) // (1 + is_shared)))
    if not 1 <= num_images <= most:
        raise InputError(
            f'num_images={num_images}: the validation split has {len(val)} images, of '
            f'which 1 to {most} can tune the CRF (--num-images)'
        )
    tuning = replace(val, indices=spread(num_images, len(val), seed=seed))
    other = val if is_shared else whole_split(cfg, 'test')
    taken = set(tuning.paths())
    rest = [i for i, path in enumerate(other.files) if path not in taken]
    count = len(rest) if num_holdout is None else num_holdout
    if not 1 <= count <= len(rest):
        raise InputError(
            f'num_holdout={num_holdout}: the {holdout_split} split has {len(rest)} '
            'images that are not used for tuning; take fewer for it (--num-images)'
        )
    chosen = (rest[i] for i in spread(count, len(rest), seed=seed))
    return tuning, replace(other, indices=tuple(chosen))


@torch.no_grad()
def evaluate(
    samples: Iterable[Sample],
    crfs: Sequence[nn.Module | None],
    *,
    device: str = 'cpu',
    after_each: Callable[[], None] = lambda: None,
) -> list[float]:
    """Return the mIoU in percent of each of several CRFs; None stands for no CRF.

    Neighbours of equal kernel widths share their kernels, which may halve the time.
    """
    crfs = [crf if crf is None else crf.to(device) for crf in crfs]
    totals: list[Tensor | int] = [0] * len(crfs)
    for sample in samples:
        sample = sample.to(device)
        widths, kernels = None, None
        for position, crf in enumerate(crfs):
            refined = sample.probabilities
            if crf is not None:
                own = [float(getattr(crf, name)) for name in WIDTHS]
                if own != widths:
                    widths, kernels = own, crf.build_kernels(sample.image)
                refined = crf.refine(refined, kernels)
            totals[position] += confusion_matrix(
                refined.argmax(1)[0], sample.label.long(), refined.shape[1]
            )
        after_each()
    return [100 * summary_metrics(total.cpu().numpy())['mIoU'] for total in totals]
