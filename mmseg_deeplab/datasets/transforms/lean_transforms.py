"""Random transforms of MMSegmentation: the same images and labels in less time."""

from typing import ClassVar

import cv2
import mmcv
import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmseg.datasets.transforms import PhotoMetricDistortion, RandomCrop
from mmseg.registry import TRANSFORMS

ATTEMPTS = 10  # as in the base class
MAX_EXACT = 2**24  # largest count that float32, OpenCV's type of histograms, holds
VALUES = np.arange(256, dtype=np.uint8)
HUES = 180  # OpenCV's number of hues in 8 bits


@TRANSFORMS.register_module()
class LeanRandomCrop(RandomCrop):
    """The crops of the base class from the same random numbers, found in less time.

    With ``cat_max_ratio`` the base class sorts the labels of up to ten crops per image
    (``np.unique``); a histogram takes a tenth of that. The arguments are those of the
    base class: ``crop_size`` (height, width), ``cat_max_ratio``, ``ignore_index``.
    """

    # Its own list: the decorator would name the method twice in that of the base class.
    _methods_with_randomness: ClassVar[list[str]] = []

    @cache_randomness
    def crop_bbox(self, results: dict) -> tuple[int, int, int, int]:
        """Draw top, bottom, left and right of a crop, which may lie partly outside."""
        size = results['img'].shape[:2]
        bbox = self._draw(size)
        if self.cat_max_ratio < 1.0:
            for _ in range(ATTEMPTS):
                label = self.crop(results['gt_seg_map'], bbox)
                counts = class_counts(label, self.ignore_index)
                counts = counts[counts > 0]
                if len(counts) > 1 and counts.max() / counts.sum() < self.cat_max_ratio:
                    break
                bbox = self._draw(size)
        return bbox

    def _draw(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Draw the position, rows first, from numpy's global generator."""
        top, left = (
            np.random.randint(0, max(side - crop, 0) + 1)
            for side, crop in zip(size, self.crop_size, strict=True)
        )
        return top, top + self.crop_size[0], left, left + self.crop_size[1]


def class_counts(label: np.ndarray, ignore_index: int) -> np.ndarray:
    """Count the pixels of each class but one; absent classes may be left out."""
    if label.dtype != np.uint8 or label.size > MAX_EXACT:
        classes, counts = np.unique(label, return_counts=True)
        return counts[classes != ignore_index]
    counts = cv2.calcHist([label], [0], None, [256], [0, 256])
    counts = counts.ravel().astype(np.int64)  # OpenCV 4 gives (256, 1)
    return np.delete(counts, ignore_index) if 0 <= ignore_index < 256 else counts


@TRANSFORMS.register_module()
class LeanPhotoMetricDistortion(PhotoMetricDistortion):
    """The images of the base class from the same random numbers, bit for bit, faster.

    Brightness and contrast change every value by itself, so the formula of the base
    class is applied to the 256 possible values and looked up for each pixel; saturation
    and hue likewise in HSV. Images that are not uint8 take the path of the base class.
    The arguments are those of the base class.
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
