"""Generated colours: distances computed here, not by OpenCV."""

import numpy as np
import pytest

from mmseg_deeplab.utils.class_colors import class_colors, distinct_colors, nearest


def to_lab(colors) -> np.ndarray:
    """Convert sRGB to CIELAB by IEC 61966-2-1 and the formulas of CIE 15, white D65."""
    rgb = np.array(colors) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.array(
        [[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]
    )
    ratio = xyz / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * 841 / 108 + 4 / 29)
    x, y, z = f.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


@pytest.mark.parametrize(
    ('count', 'distance'), [(2, 200), (3, 150), (8, 60), (20, 38), (150, 15)]
)
def test_colours_are_told_apart(count, distance):
    lab = to_lab([*distinct_colors(count), (0, 0, 0), (255, 255, 255)])
    distances = np.linalg.norm(lab[:, None] - lab, axis=2)
    np.fill_diagonal(distances, np.inf)
    inner = distances[:count, :count]
    assert inner.min() > distance
    assert distances.min() > min(distance, 40)  # and from black and white
    assert nearest(distinct_colors(count)) == pytest.approx(inner.min(), abs=0.5)


def test_the_first_colours_do_not_depend_on_their_number():
    assert distinct_colors(30)[:7] == distinct_colors(7)
    assert len(distinct_colors(5000)) == 5000


def test_only_the_background_is_black():
    assert class_colors(['cell', 'Background']) == [distinct_colors(2)[0], (0, 0, 0)]
