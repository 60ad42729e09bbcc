"""A small network with its checkpoint, and images, for tests of prediction."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from mmseg.registry import MODELS
from torch.nn.modules.batchnorm import _BatchNorm

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.inference import ModelSource, Prediction

ROOT = Path(__file__).resolve().parents[1]
QUICKSTART = ROOT / 'configs' / 'deeplabv2_r26_synthetic_streets.py'
CLASSES = ('road', 'sidewalk', 'building', 'sky', 'vegetation', 'person', 'car', 'pole')
PALETTE = [[10 * k, 255 - 20 * k, 7 * k * k % 256] for k in range(8)]


def write_model(
    folder: Path, *, extra: str = '', meta: dict | None = None, seed: int = 0
) -> ModelSource:
    """Write the quickstart's config, with changes, and random weights that fit.

    Args:
        folder: Gets ``leaf.py`` and ``leaf.pth``.
        extra: Lines of the config.
        meta: ``dataset_meta`` of the checkpoint; eight classes by default.
        seed: Of the weights.
    """
    config, checkpoint = folder / 'leaf.py', folder / 'leaf.pth'
    config.write_text(f'_base_ = [{str(QUICKSTART)!r}]\n{extra}')
    torch.manual_seed(seed)
    model = MODELS.build(read_config(config).model)
    for name, tensor in model.named_parameters():
        if 'decode_head' in name:  # so that several classes win somewhere
            torch.nn.init.normal_(tensor.data, std=0.3)
    _fit_statistics(model)
    meta = dict(classes=CLASSES, palette=PALETTE) if meta is None else meta
    torch.save(
        dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta)), checkpoint
    )
    return ModelSource(str(config), str(checkpoint))


@torch.no_grad()
def _fit_statistics(model: torch.nn.Module) -> None:
    """Give BatchNorm the statistics of some images, as a training does."""
    model.train()
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.momentum = 0.9  # nearly those of the one batch
    images = np.stack([smooth_image((64, 64), seed) for seed in range(4)])
    channels = model.data_preprocessor.mean.numel()
    inputs = torch.from_numpy(images[..., :channels]).permute(0, 3, 1, 2).float()
    model.backbone((inputs - 115) / 58)
    model.eval()


def smooth_image(size: tuple[int, int] = (40, 72), seed: int = 0) -> np.ndarray:
    """Return a smooth RGB image with some noise, ``(*size, 3)`` uint8."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 255, (4, 6, 3)).astype(np.float32)
    fine = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC)
    return (fine + generator.normal(0, 8, fine.shape)).clip(0, 255).astype(np.uint8)


def write_image(
    path: Path, size: tuple[int, int] = (40, 72), seed: int = 0
) -> np.ndarray:
    """Write a image, in the format of the suffix, and return it as it was."""
    image = smooth_image(size, seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image[..., ::-1])
    return image


def write_video(path: Path, images: Sequence[np.ndarray]) -> None:
    """Write RGB images of one size at 5 frames a second."""
    height, width = images[0].shape[:2]
    codec = cv2.VideoWriter.fourcc(*'mp4v')
    video = cv2.VideoWriter(str(path), codec, 5.0, (width, height))
    for image in images:
        video.write(np.ascontiguousarray(image[..., ::-1]))
    video.release()


class PlainPredictor:
    """A predictor without a network: ``one`` predicts an image; all are kept."""

    align_corners, bands = False, None

    def __init__(self) -> None:
        self.images: list[np.ndarray] = []
        self.batches: list[int] = []

    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        self.batches.append(len(images))
        self.images += [image.copy() for image in images]
        return [self.one(image) for image in images]


def write_raster(path: Path, values: np.ndarray, **profile: object) -> Path:
    """Write ``(C, H, W)`` as a GeoTIFF."""
    import rasterio

    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = values.shape
    options = dict(count=count, height=height, width=width, dtype=values.dtype)
    options |= dict(driver='GTiff') | profile
    with rasterio.open(path, 'w', **options) as raster:
        raster.write(values)
    return path
