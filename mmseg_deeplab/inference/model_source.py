"""Which files a model comes from, as the command lines name them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Files that hold the whole model: written by mmseg-deeplab export, they need no config.
EXPORTED_SUFFIXES = ('.onnx', '.pt2', '.torchscript')


@dataclass(frozen=True)
class ModelSource:
    """A config (path or name) and a checkpoint (path or URL), or an exported file.

    ``config`` is None for an exported file, which is then the ``checkpoint``.
    """

    config: str | None
    checkpoint: str

    @property
    def is_exported(self) -> bool:
        """Whether one file holds the whole model."""
        return self.config is None

    @property
    def name(self) -> str:
        """A short name: that of the config, or of the exported file."""
        return Path(self.config or self.checkpoint).stem


def is_exported(path: str) -> bool:
    """Tell by the suffix whether a file is an exported model."""
    return Path(path).suffix.lower() in EXPORTED_SUFFIXES


def take_model(arguments: Sequence[str]) -> tuple[ModelSource, list[str]]:
    """Take the model from the front of the arguments; return it and the others.

    Raises:
        ValueError: If the arguments do not begin with a model.
    """
    expected = (
        'expected CONFIG CHECKPOINT, or a file of mmseg-deeplab export '
        f'({", ".join(EXPORTED_SUFFIXES)})'
    )
    if not arguments:
        raise ValueError(f'no model is given: {expected}')
    first, *rest = arguments
    if is_exported(first):
        return ModelSource(None, first), rest
    if not rest:
        raise ValueError(f'{first!r} stands alone: {expected}')
    if is_exported(rest[0]):
        raise ValueError(
            f'{rest[0]!r} is an exported model, which holds all that it needs: leave '
            f'out the config {first!r} before it'
        )
    return ModelSource(first, rest[0]), rest[1:]


def split_models(arguments: Sequence[str]) -> list[ModelSource]:
    """Split ``CONFIG CHECKPOINT [EXPORTED_FILE ...]`` into models.

    Raises:
        ValueError: If there is no model, or half of one.
    """
    models, rest = [], list(arguments)
    while rest or not models:
        model, rest = take_model(rest)
        models.append(model)
    return models
