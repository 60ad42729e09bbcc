"""What a predictor is: images in, predictions out, whatever the model's file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from mmseg_deeplab.utils.image_bands import ImageBands

MAX_UINT8_CLASSES = 256


@dataclass(frozen=True)
class ModelSource:
    """A config (path or name) and a checkpoint (path or URL), or an exported file.

    ``config`` is None for an exported file, which is then the ``checkpoint``.
    ``trust_program`` allows a ``.pt2`` or ``.torchscript`` file, which is a program and
    may do anything.
    """

    config: str | None
    checkpoint: str
    trust_program: bool = False

    @property
    def name(self) -> str:
        """A short name: that of the config, or of the exported file."""
        return Path(self.config or self.checkpoint).stem


@dataclass(frozen=True, eq=False)
class Segments:
    """Stuff and instances of one image, which a panoptic model finds."""

    ids: np.ndarray  # (H, W) int32: the id of each pixel's segment; -1 is nothing
    # For each segment id, category_id, isthing, score and area; see PanopticDeepLab.
    infos: list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Prediction:
    """The labels of one image, its probabilities if asked for, perhaps segments."""

    # (H, W) class ids 0..K-1 at the size of the image, uint8; uint16 if K > 256
    labels: np.ndarray
    probabilities: np.ndarray | None = None  # (K, H, W) float32, after the CRF, if any
    segments: Segments | None = None  # of a panoptic model


def label_dtype(num_classes: int) -> np.dtype:
    """Return the smallest type that holds the ids of ``num_classes`` classes."""
    return np.dtype(np.uint8 if num_classes <= MAX_UINT8_CLASSES else np.uint16)


@runtime_checkable
class Predictor(Protocol):
    """A model that predicts arrays: a network or an exported file.

    ``classes`` and ``palette`` are the names and the colours (R, G, B) of its K
    classes; ``align_corners`` says how it resizes its logits, which decides how large
    rasters are cut into windows. ``bands`` is None for a network of colour images; else
    it says which bands of a file are the channels.
    """

    classes: tuple[str, ...]
    palette: list[list[int]]
    align_corners: bool
    bands: ImageBands | None

    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        """Predict RGB images ``(H, W, 3)`` uint8, whose sizes may differ, in order.

        Where ``bands`` is not None they are ``(H, W, C)`` uint8 or float32, 0 to 255.
        TypeError or ValueError if the model cannot predict such an image.
        """
        ...


class BatchedPredictor:
    """Puts ``batch_size`` images at a time through a model.

    Where a batch runs out of memory, it is halved, and so are all batches after it.
    """

    def __init__(self, predictor: Predictor, batch_size: int) -> None:
        self.predictor, self.batch_size = predictor, batch_size
        self.classes, self.palette = predictor.classes, predictor.palette
        self.align_corners, self.bands = predictor.align_corners, predictor.bands

    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        """Predict some images; see :class:`Predictor`."""
        found: list[Prediction] = []
        while len(found) < len(images):
            batch = images[len(found) : len(found) + self.batch_size]
            try:
                found += self.predictor.predict(batch, probabilities=probabilities)
            except Exception as error:  # ONNX Runtime has errors of its own
                if len(batch) == 1 or not _is_out_of_memory(error):
                    raise
                self.batch_size = len(batch) // 2
        return found


def _is_out_of_memory(error: Exception) -> bool:
    # On the CPU torch raises a plain RuntimeError; the second text is ONNX Runtime's.
    texts = ("can't allocate memory", 'Failed to allocate memory')
    is_named = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return is_named or any(text in str(error) for text in texts)
