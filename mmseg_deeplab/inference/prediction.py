"""What a predictor says about an image."""

from dataclasses import dataclass

import numpy as np

MAX_UINT8_CLASSES = 256


@dataclass(frozen=True, eq=False)
class Prediction:
    """Labels of one image, and its probabilities where they were asked for.

    Args:
        labels: ``(H, W)`` class ids 0..K-1 at the size of the image, uint8; uint16
            with more than 256 classes.
        probabilities: ``(K, H, W)`` float32, or None. After a CRF they are what it
            returned.
    """

    labels: np.ndarray
    probabilities: np.ndarray | None = None


def label_dtype(num_classes: int) -> np.dtype:
    """Return the smallest type for the ids of so many classes.

    Args:
        num_classes: K.
    """
    return np.dtype(np.uint8 if num_classes <= MAX_UINT8_CLASSES else np.uint16)
