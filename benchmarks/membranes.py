"""``membranes``: draw slices like those of an electron microscope, in two classes.

Thin closed membranes lie between cells on textured grey, and some of them nearly fade.
Mitochondria and vesicles are distractors: rimmed as cells are, and parts of them.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial import cKDTree

HELP = 'draw a data set of cells and their membranes, to try init on'
CLASSES = 'membrane 0 0 0\ncell 255 255 255\n'


def draw_slice(seed: int, size: int = 512) -> tuple[np.ndarray, np.ndarray]:
    """Draw a slice: the image ``(H, W)`` and its label, 0 and 255, both uint8."""
    rng = np.random.default_rng(seed)

    def noise(scale: float) -> np.ndarray:
        drawn = cv2.GaussianBlur(rng.standard_normal((size, size)), (0, 0), scale)
        return drawn / drawn.std()

    grid = np.stack(np.mgrid[:size, :size]).astype(float)
    # Cells: the Voronoi cells of random points, with jittered borders.
    points = rng.uniform(-60, size + 60, ((size + 120) ** 2 // 4200, 2))
    jitter = np.stack([noise(22), noise(22)]) * 9 + np.stack([noise(6), noise(6)]) * 1.5
    places = (grid + jitter).reshape(2, -1).T
    distance, nearest = cKDTree(points).query(places, k=2)
    apart = np.linalg.norm(points[nearest[:, 0]] - points[nearest[:, 1]], axis=1)
    border = (distance[:, 1] ** 2 - distance[:, 0] ** 2) / (2 * apart)  # in pixels
    border, cell = border.reshape(size, size), nearest[:, 0].reshape(size, size)
    label = np.where(border < 4.5, 0, 255).astype(np.uint8)

    image = (
        165
        + 9 * rng.standard_normal(len(points))[cell]
        + 8 * noise(30)
        + 9 * noise(2.5)
    )
    fading = np.clip(0.8 + 0.35 * noise(15), 0.15, 1)
    width = 2.4 + 0.9 * (1 - fading)
    image -= 95 * fading * np.exp(-0.5 * (border / width) ** 2)
    for _ in range(size * size // 9000):  # mitochondria and vesicles
        is_large = rng.random() < 0.35
        axes = rng.uniform(12, 28, 2) if is_large else np.full(2, rng.uniform(3, 6))
        turn, centre = rng.uniform(0, np.pi), rng.uniform(0, size, 2)
        offset = grid + jitter / 3 - centre[:, None, None]
        across = offset[0] * np.cos(turn) + offset[1] * np.sin(turn)
        along = offset[1] * np.cos(turn) - offset[0] * np.sin(turn)
        radius = np.hypot(across / axes[0], along / axes[1])
        rim = np.exp(-0.5 * ((radius - 1) * axes.min() / 1.8) ** 2)
        fill = (radius < 1) * (25 + 14 * np.sin(along / 2.2) if is_large else 8)
        inside = np.clip((border - 4) / 3, 0, 1)  # organelles do not cross membranes
        image -= inside * (65 * rim + fill)
    image = cv2.GaussianBlur(image, (0, 0), 0.8) + 12 * noise(0.7)
    return np.clip(image, 0, 255).astype(np.uint8), label


def draw_folder(
    folder: Path, *, num_train: int = 24, num_val: int = 6, size: int = 512
) -> None:
    """Draw a data set with a class list, ready for ``mmseg-deeplab init``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'labels.txt').write_text(CLASSES)
    for split, start, count in (('train', 0, num_train), ('val', 1000, num_val)):
        for kind in ('images', 'labels'):
            (folder / kind / split).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            for kind, drawn in zip(
                ('images', 'labels'), draw_slice(start + number, size), strict=True
            ):
                file = folder / kind / split / f'slice_{number:02}.png'
                cv2.imwrite(str(file), drawn)


def add_options(parser: ArgumentParser) -> None:
    """Add the options of this command."""
    parser.add_argument('--out', type=Path, default=Path('data/membranes'))


def run(args: Namespace) -> None:
    """Draw 24 slices for the training and 6 for the validation."""
    draw_folder(args.out)
