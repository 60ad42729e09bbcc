"""How inputs are put through a model."""

from dataclasses import dataclass
from typing import Any

from .raster_windows import DEFAULT_OVERLAP

# Larger images are predicted by windows: networks outside of LeanEncoderDecoder make
# scores of full size, at 25 megapixels and 21 classes 2.1 GB.
MAX_PIXELS = 25_000_000


@dataclass(frozen=True)
class RunOptions:
    """How inputs are put through the model.

    Args:
        batch_size: Images, frames or windows that go through it together.
        max_pixels: Larger images are predicted by windows, as rasters are.
        window: Of rasters, as for :func:`predict_raster`.
        overlap: Of rasters.
        bands: Of rasters.
        scale: Of rasters.
    """

    batch_size: int = 1
    max_pixels: int = MAX_PIXELS
    window: int | None = None
    overlap: int = DEFAULT_OVERLAP
    bands: tuple[int, ...] | None = None
    scale: tuple[float, float] | str | None = None

    def __post_init__(self) -> None:
        for name in ('batch_size', 'max_pixels'):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f'{name} must be 1 or more, received {value}')

    def of_rasters(self) -> dict[str, Any]:
        """Return the arguments of :func:`predict_raster`."""
        names = ('window', 'overlap', 'bands', 'scale')
        return {name: getattr(self, name) for name in names}

    def what_counts(self) -> dict[str, Any]:
        """Return what predictions depend on: all but the size of batches."""
        return dict(max_pixels=self.max_pixels, **self.of_rasters())
