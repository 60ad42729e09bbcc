"""The image that a visitor looks at, and what the models have said of it."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Choice:
    """One way to label an image.

    Args:
        model: Name of the model.
        crf: Refined by a dense CRF.
        tta: Averaged over several scales and their mirror images.
    """

    model: str
    crf: bool = False
    tta: bool = False

    @property
    def switches(self) -> list[str]:
        """What is switched on, in the page's words."""
        named = {'CRF': self.crf, 'multi-scale': self.tta}
        return [name for name, on in named.items() if on]


@dataclass(frozen=True)
class Result:
    """What came of a choice.

    Args:
        labels: ``(H, W)`` class of each pixel.
        seconds: What the network and all that follows it took.
    """

    labels: np.ndarray
    seconds: float


@dataclass
class Scene:
    """An image and its results, one visitor's: gradio keeps it between two clicks.

    Args:
        name: File name, for the visitor's eyes and for downloads.
        image: ``(H, W, 3)`` RGB, uint8.
        results: Nothing that is here is computed again.
        shown: What the page shows, left to right.
    """

    name: str
    image: np.ndarray
    results: dict[Choice, Result] = field(default_factory=dict)
    shown: list[Choice] = field(default_factory=list)
