"""``PhotoMetricDistortion`` by tables of the 256 values that a pixel can have."""

import cv2
import mmcv
import numpy as np
from mmseg.datasets.transforms import PhotoMetricDistortion
from mmseg.registry import TRANSFORMS

VALUES = np.arange(256, dtype=np.uint8)
HUES = 180  # OpenCV's number of hues in 8 bits


@TRANSFORMS.register_module()
class LeanPhotoMetricDistortion(PhotoMetricDistortion):
    """The host's images from the same random numbers, bit for bit, in less time.

    Brightness and contrast change every value by itself, so the host's own formula is
    applied to the 256 possible ones and looked up for the rest; saturation and hue
    likewise in HSV. Images that are not uint8 take the host's path.

    The arguments are the host's: ``brightness_delta``, ``contrast_range``,
    ``saturation_range``, ``hue_delta``.
    """

    def convert(self, img: np.ndarray, alpha: float = 1, beta: float = 0) -> np.ndarray:
        """Multiply by ``alpha`` and add ``beta``, clipped to 0..255.

        Args:
            img: ``(H, W)`` or ``(H, W, C)``.
            alpha: Factor.
            beta: Summand.

        Returns:
            uint8, in the shape of ``img``.
        """
        if img.dtype != np.uint8:
            return super().convert(img, alpha=alpha, beta=beta)
        table = super().convert(VALUES, alpha=alpha, beta=beta)
        return cv2.LUT(img, table)

    def hue(self, img: np.ndarray) -> np.ndarray:
        """Turn the hue by a random angle, with probability 1/2.

        Args:
            img: ``(H, W, 3)``, BGR.
        """
        if img.dtype != np.uint8:
            return super().hue(img)
        if not np.random.randint(2):
            return img
        turn = np.random.randint(-self.hue_delta, self.hue_delta)
        table = ((VALUES.astype(int) + turn) % HUES).astype(np.uint8)
        hsv = mmcv.bgr2hsv(img)
        hsv[..., 0] = cv2.LUT(hsv[..., 0], table)
        return mmcv.hsv2bgr(hsv)
