"""What the two file formats of PyTorch have in common."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from .metadata import ExportMetadata

METADATA_FILE = 'mmseg_deeplab.json'
aten = torch.ops.aten
LAST_STEPS = (aten.argmax.default, aten._softmax.default, aten.sigmoid.default)


class TorchFile:
    """A loaded program that takes and gives arrays.

    Args:
        program: From ``(N, H, W, 3)`` to labels or probabilities.
        metadata: Of the file.
        device: Where the program is.
    """

    def __init__(
        self,
        program: Callable[[Tensor], Tensor],
        metadata: ExportMetadata,
        device: str,
    ) -> None:
        self.program = program
        self.metadata = metadata
        self.device = device

    @torch.no_grad()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Predict ``(N, H, W, 3)`` uint8."""
        return self.program(torch.from_numpy(image).to(self.device)).cpu().numpy()

    def with_scores(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the result and the scores that it was made of."""
        with _LastScores() as caught:
            result = self(image)
        height, width = image.shape[1:3]
        return result, caught.scores[..., :height, :width].cpu().numpy()


class _LastScores(TorchDispatchMode):
    """Catches what the last argmax, softmax or sigmoid is given."""

    scores: Tensor

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        if func in LAST_STEPS:
            self.scores = args[0]
        return func(*args, **(kwargs or {}))


def read_metadata(path: str | Path) -> ExportMetadata:
    """Read the meta data without loading the program.

    Args:
        path: Of a ``.pt2`` or ``.torchscript`` file: zip archives both.

    Raises:
        ValueError: If it is no such archive, or holds no meta data of this package.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(f'/{METADATA_FILE}')]
            found = json.loads(archive.read(names[0])) if names else {}
    except (zipfile.BadZipFile, json.JSONDecodeError) as error:
        raise ValueError(
            f'{path}: not a whole file of PyTorch ({error}). Remedy: copy or export it '
            'again'
        ) from error
    return ExportMetadata.from_text(found, path=path)
