"""Predictions, images and labels on disk, one file per image."""

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from torch import Tensor

from mmseg_deeplab.utils.atomic_files import remove_parts, write_whole
from mmseg_deeplab.utils.progress import Progress

from .sample import Sample, read_label
from .tuned_network import Predictor, restore
from .tuning_images import ImageSet

FORMAT = 1  # of the files; raise it when their content changes


def network_key(cfg: Config, checkpoint: str, *, tta: bool) -> dict[str, str]:
    """Return what the predictions depend on, besides the images, by name.

    Args:
        cfg: The whole config.
        checkpoint: File or URL; a file counts by its content.
        tta: Whether predictions are merged over augmentations.
    """
    model = {name: part for name, part in cfg.model.items() if name != 'crf'}
    return dict(
        format=str(FORMAT),
        model=_digest(model),
        checkpoint=_file_digest(checkpoint),
        tta=_digest(tta),
    )


def _digest(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _file_digest(path: str) -> str:
    file = Path(path).expanduser()
    if not file.is_file():  # a URL
        return path
    digest = hashlib.sha256()
    with file.open('rb') as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class PredictionCache:
    """The predictions of one network, kept in a folder.

    ``key.json`` says which network they are of: those of another one (config,
    checkpoint, augmentation) are removed. Each file carries a stamp of its image:
    data set, pipeline, names, sizes and times of the files; where that has changed,
    the image is predicted anew.

    Args:
        folder: Where to keep them.
        key: From :func:`network_key`.
        say: Gets a line when what is there cannot be used.
    """

    def __init__(
        self, folder: Path, key: dict[str, str], *, say: Callable[[str], None] = print
    ) -> None:
        self.folder = folder
        self._settings: dict[str, str] = {}
        path = folder / 'key.json'
        if path.is_file() and (old := json.loads(path.read_text())) != key:
            changed = [name for name in key if old.get(name) != key[name]]
            say(
                f'{folder}: predictions of another {" and ".join(changed)}; they are '
                'computed anew'
            )
            shutil.rmtree(folder)
        remove_parts(folder)
        write_whole(json.dumps(key, indent=1).encode(), path)

    def fill(self, images: ImageSet, build: Callable[[], Predictor]) -> int:
        """Predict the images that are not there.

        Args:
            images: Any images of a labelled split.
            build: Makes the network; not called if nothing is missing.

        Returns:
            How many were predicted.

        Raises:
            ValueError: If an image has no label.
            OSError: If the disk has no room for all of them.
        """
        missing = [index for index in images.indices if not self._has(images, index)]
        if not missing:
            return 0
        predictor = build()
        with Progress(f'network on {images.split} images', len(missing)) as progress:
            for done, index in enumerate(missing):
                self._write(images, index, predictor)
                if done == 0:
                    self._check_room(images, missing)
                progress.advance()
        return len(missing)

    def read(self, images: ImageSet) -> Iterator[Sample]:
        """Yield the images, one at a time; each must be there."""
        for index in images.indices:
            yield self.read_one(images, index)

    def read_one(self, images: ImageSet, index: int) -> Sample:
        """Read one image with its label and its probabilities."""
        with np.load(self._path(images, index), allow_pickle=False) as content:
            kept = json.loads(str(content['options']))
            for name in ('scores', 'probabilities'):
                if name in content:
                    kept[name] = torch.from_numpy(content[name])
            return Sample(
                image=torch.from_numpy(content['image']),
                label=torch.from_numpy(content['label']),
                probabilities=restore(**kept),
            )

    def _path(self, images: ImageSet, index: int) -> Path:
        return self.folder / f'{images.split}_{index:06d}.npz'

    def _has(self, images: ImageSet, index: int) -> bool:
        path = self._path(images, index)
        if not path.is_file():
            return False
        with np.load(path, allow_pickle=False) as content:
            return str(content['stamp']) == self._stamp(images, index)

    def _stamp(self, images: ImageSet, index: int) -> str:
        if images.split not in self._settings:
            self._settings[images.split] = _digest(images.settings)
        files = [_file_stamp(path) for path in images.files[index] if path]
        return json.dumps([self._settings[images.split], *files])

    def _write(self, images: ImageSet, index: int, predictor: Predictor) -> None:
        sample = images.dataset[index]
        label = read_label(sample, images.files[index][0])
        image = predictor.image(sample)
        kept = predictor.predict(sample)
        tensors = {k: v for k, v in kept.items() if isinstance(v, Tensor)}
        options = {k: v for k, v in kept.items() if k not in tensors}
        stream = io.BytesIO()
        np.savez(
            stream,
            image=image.numpy(),
            label=label.numpy(),
            stamp=self._stamp(images, index),
            options=json.dumps(options),
            **{name: tensor.numpy() for name, tensor in tensors.items()},
        )
        write_whole(stream.getvalue(), self._path(images, index))

    def _check_room(self, images: ImageSet, missing: list[int]) -> None:
        needed = self._path(images, missing[0]).stat().st_size * (len(missing) - 1)
        free = shutil.disk_usage(self.folder).free
        if needed > free:
            raise OSError(
                f'{self.folder}: the predictions of {len(missing)} images need about '
                f'{needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free. Take fewer '
                '(--num-images, --num-holdout), or another --work-dir'
            )


def _file_stamp(path: str) -> list:
    file = Path(path)
    if not file.is_file():  # virtual, or on a remote storage
        return [path]
    status = file.stat()
    return [path, status.st_size, status.st_mtime_ns]
