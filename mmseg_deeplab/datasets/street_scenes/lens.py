"""What the camera does to a picture: exposure, colour cast, blur, noise."""

import cv2
import numpy as np

from .dice import Dice


def _vignette(height: int, width: int, strength: float) -> np.ndarray:
    """Darkening towards the corners, ``(H, W, 1)`` float32."""
    rows = (np.arange(height, dtype=np.float32) * 2 / height - 1)[:, None]
    columns = (np.arange(width, dtype=np.float32) * 2 / width - 1)[None, :]
    return (1 - np.float32(strength) * (rows * rows + columns * columns))[..., None]


def expose(image: np.ndarray, dice: Dice, texture: Dice) -> np.ndarray:
    """Turn painted light into a photograph; labels are not touched.

    Args:
        image: ``(H, W, 3)`` float32, BGR, any range.
        dice: Draws the settings.
        texture: Draws the noise of each pixel.

    Returns:
        ``(H, W, 3)`` uint8.
    """
    height, width = image.shape[:2]
    cast = np.array([dice.uniform(0.94, 1.06) for _ in range(3)], np.float32)
    # an automatic exposure that is never quite right
    gain = dice.uniform(80, 130) / max(float(image.mean()), 50)
    gain, lift = min(gain, 2.0), dice.uniform(-8, 14)
    image = image * (cast * np.float32(gain)) + np.float32(lift)
    image *= _vignette(height, width, dice.uniform(0.0, 0.12))
    blur = dice.uniform(0.3, 0.65) * max(height / 128, 1) ** 0.5
    image = cv2.GaussianBlur(image, (0, 0), blur)
    # the sum of two even draws is close enough to a Gaussian for sensor noise
    first, second = texture.bytes(2, height, width, 3)
    noise = np.add(first, second, dtype=np.float32)
    noise -= np.float32(255)
    noise *= np.float32(dice.uniform(0.01, 0.05))
    image += noise
    image += np.float32(0.5)
    return np.clip(image, 0, 255, out=image).astype(np.uint8)
