"""The files that become of one input."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .inputs import InputFile
from .output import write_jpeg, write_labels, write_probabilities
from .overlay import overlay
from .prediction import Prediction


@dataclass(frozen=True)
class FileOutputs:
    """Which files are written, and where.

    Args:
        folder: Gets ``labels``, ``overlays`` and ``probabilities``.
        overlays: Whether to paint the labels over the images.
        probabilities: Whether to write probabilities.
        opacity: Of the colours in overlays, 0..1.
    """

    folder: Path
    overlays: bool = True
    probabilities: bool = False
    opacity: float = 0.5

    @property
    def parts(self) -> tuple[str, ...]:
        """The kinds of outputs, which are also the folders' names."""
        wanted = dict(
            probabilities=self.probabilities, overlays=self.overlays, labels=True
        )
        return tuple(part for part, is_wanted in wanted.items() if is_wanted)

    def path(self, item: InputFile, part: str, suffix: str) -> Path:
        """Return where an output goes.

        Args:
            item: The input.
            part: Of ``parts``.
            suffix: Such as ``'.png'``.
        """
        return self.folder / part / f'{item.name}{suffix}'

    def write_image(
        self,
        item: InputFile,
        image: np.ndarray,
        prediction: Prediction,
        palette: Sequence[Sequence[int]],
    ) -> list[Path]:
        """Write all outputs of an image.

        Args:
            item: The input.
            image: RGB, ``(H, W, 3)`` uint8.
            prediction: Of this image.
            palette: K colours.

        Returns:
            The files.

        Raises:
            OSError: If one cannot be written.
        """
        paths = []
        if self.probabilities:
            paths.append(self.path(item, 'probabilities', '.npy'))
            write_probabilities(paths[-1], prediction.probabilities)
        if self.overlays:
            paths.append(self.path(item, 'overlays', '.jpg'))
            painted = overlay(image, prediction.labels, palette, opacity=self.opacity)
            write_jpeg(paths[-1], painted)
        paths.append(self.path(item, 'labels', '.png'))
        write_labels(paths[-1], prediction.labels)
        return paths
