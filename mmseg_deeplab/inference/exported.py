"""Prediction with an exported file alone: no config, no checkpoint, no network code."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmcv.transforms import Resize

from mmseg_deeplab.export.file_formats import open_exported

from .images import check_image
from .prediction import Prediction, label_dtype


class ExportedPredictor:
    """A file of ``tools/export.py`` as a
    :class:`~mmseg_deeplab.inference.Predictor`.

    Where the test pipeline of the config resizes images, so does this class, and
    brings the result back: probabilities bilinearly, labels to the nearest pixel.

    Args:
        path: ``.onnx``, ``.pt2`` or ``.torchscript``.
        device: Where to run.

    Attributes:
        classes: Names of the K classes.
        palette: Their colours, R, G, B.
        align_corners: How scores were brought to the size of the image.
        metadata: All that the file says about itself.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If the package for its format is missing.
        ValueError: If it is of another format, or was not written by this package.
    """

    def __init__(self, path: str | Path, *, device: str = 'cpu') -> None:
        self.path = path
        self.file = open_exported(path, device=device)
        self.metadata = self.file.metadata
        self.classes: tuple[str, ...] = self.metadata.classes
        self.palette: list[list[int]] = self.metadata.palette
        self.align_corners: bool = self.metadata.align_corners
        resize = self.metadata.resize
        self._resize = None if resize is None else Resize(**resize)

    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        """Predict some images, those of one size together.

        Args:
            images: RGB, uint8, ``(H, W, 3)``.
            probabilities: Whether to return them too.

        Raises:
            TypeError: If an image is of another type.
            ValueError: If an image is of another shape, or probabilities are asked of
                a file that gives labels.
        """
        if probabilities and self.metadata.output != 'probabilities':
            raise ValueError(
                f'{self.path}: was exported with labels as its output and has no '
                'probabilities. Remedy: tools/export.py --output probabilities'
            )
        inputs = [self.prepare(image) for image in images]
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(inputs):
            groups.setdefault(image.shape, []).append(index)
        found: dict[int, np.ndarray] = {}
        for indices in groups.values():
            results = self.file(np.stack([inputs[index] for index in indices]))
            found.update(zip(indices, results, strict=True))
        return [
            self._prediction(found[index], image.shape[:2], probabilities)
            for index, image in enumerate(images)
        ]

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return an image as the file takes it: checked, resized.

        Args:
            image: RGB, uint8, ``(H, W, 3)``.
        """
        check_image(image)
        if self._resize is None:
            return image
        return self._resize.transform(dict(img=image))['img']

    def _prediction(
        self, result: np.ndarray, size: tuple[int, int], keeps: bool
    ) -> Prediction:
        if result.ndim == 2:
            labels = _nearest(result, size)
        else:
            result = self._bilinear(result, size)
            labels = self._labels(result)
        labels = labels.astype(label_dtype(len(self.classes)))
        return Prediction(labels, result if keeps else None)

    def _bilinear(self, result: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        if result.shape[1:] == size:
            return result
        resized = F.interpolate(
            torch.from_numpy(result)[None],
            size=size,
            mode='bilinear',
            align_corners=self.align_corners,
        )
        return resized[0].numpy()

    def _labels(self, probabilities: np.ndarray) -> np.ndarray:
        if self.metadata.threshold is not None:
            return probabilities[1] > self.metadata.threshold
        return probabilities.argmax(axis=0)


def _nearest(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if labels.shape == size:
        return labels
    return cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
