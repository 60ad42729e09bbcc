"""The network's probabilities of the tuning images, predicted once and kept on disk."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config

from mmseg_deeplab.inference import Predictor
from mmseg_deeplab.utils.array_files import save_array
from mmseg_deeplab.utils.atomic_files import remove_parts
from mmseg_deeplab.utils.file_hashes import sha256

from .tuning_images import ImageSet, Sample


def network_key(cfg: Config, checkpoint: str, *, tta: bool) -> str:
    """Return a hash of what the probabilities depend on, besides the images."""
    model = {name: part for name, part in cfg.model.items() if name != 'crf'}
    weights, file = checkpoint, Path(checkpoint).expanduser()
    if file.is_file():
        weights = sha256(file)
    test_data = (cfg.get('test_dataloader') or {}).get('dataset')
    return _hash([model, weights, cfg.get('tta_pipeline') if tta else test_data])


def _hash(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class ProbabilityCache:
    """Probabilities in float16 (2 * K bytes a pixel), one file per image.

    Files are named after the hash ``key`` of the network, and path, size and time of
    the image; those of another network are removed. ``predictor`` returns the network.
    """

    def __init__(
        self, folder: Path, key: str, predictor: Callable[[], Predictor]
    ) -> None:
        self.folder, self.key, self.predictor = folder, key, predictor
        remove_parts(folder)
        for file in folder.glob('*.npy'):
            if not file.name.startswith(key):
                file.unlink()

    def read(self, images: ImageSet, index: int) -> Sample:
        """Read one image of a split with its label and its rounded probabilities."""
        file = self.folder / f'{self.key}_{_hash(_stamp(images, index))}.npy'
        if not file.is_file():
            found = self.predict(images, index).probabilities[0]
            save_array(file, found.half().numpy())
        found = np.load(file).astype(np.float32)
        return _sample(*images.read(index), found / found.sum(0))

    def predict(self, images: ImageSet, index: int) -> Sample:
        """Predict one image of a split without keeping its probabilities."""
        image, label = images.read(index)
        (prediction,) = self.predictor().predict([image], probabilities=True)
        return _sample(image, label, prediction.probabilities)


def _sample(image: np.ndarray, label: torch.Tensor, found: np.ndarray) -> Sample:
    pixels = torch.from_numpy(image).permute(2, 0, 1)
    return Sample(pixels[None], label, torch.from_numpy(found)[None])


def _stamp(images: ImageSet, index: int) -> list:
    file = Path(images.files[index])
    stamp = [images.split, index, str(file)]
    if file.is_file():  # else drawn, or on a remote storage
        status = file.stat()
        stamp += [status.st_size, status.st_mtime_ns]
    return stamp
