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
    """The images of the base class from the same random numbers, bit for bit, faster.

    Brightness and contrast change every value by itself, so the formula of the base
    class is applied to the 256 possible values and looked up for each pixel; saturation
    and hue likewise in HSV. Images that are not uint8 take the path of the base class.

    The arguments are those of the base class: ``brightness_delta``,
    ``contrast_range``, ``saturation_range``, ``hue_delta``.
    """

    def convert(self, img: np.ndarray, alpha: float = 1, beta: float = 0) -> np.ndarray:
        """Multiply by ``alpha`` and add ``beta``, clipped to 0..255: uint8."""
        if img.dtype != np.uint8:
            return super().convert(img, alpha=alpha, beta=beta)
        return cv2.LUT(img, super().convert(VALUES, alpha=alpha, beta=beta))

    def hue(self, img: np.ndarray) -> np.ndarray:
        """Turn the hue of a BGR image by a random angle, with probability 1/2."""
        if img.dtype != np.uint8:
            return super().hue(img)
        if not np.random.randint(2):
            return img
        turn = np.random.randint(-self.hue_delta, self.hue_delta)
        table = ((VALUES.astype(int) + turn) % HUES).astype(np.uint8)
        hsv = mmcv.bgr2hsv(img)
        hsv[..., 0] = cv2.LUT(hsv[..., 0], table)
        return mmcv.hsv2bgr(hsv)
