"""What all models have in common that can predict: networks and exported files."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .model_source import ModelSource, is_exported
from .prediction import Prediction


@runtime_checkable
class Predictor(Protocol):
    """Arrays in, predictions out.

    Attributes:
        classes: Names of the K classes.
        palette: Their colours, R, G, B.
    """

    classes: tuple[str, ...]
    palette: list[list[int]]

    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        """Predict some images.

        Args:
            images: RGB, uint8, ``(H, W, 3)``; of any sizes, those of one size go
                through the network together.
            probabilities: Whether to compute them too.

        Returns:
            One for each image, in order.
        """
        ...


def load_predictor(
    source: ModelSource,
    *,
    device: str = 'cpu',
    tta: bool = False,
    crf: str | bool | None = None,
    output_stride: int | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Predictor:
    """Load a model from its files.

    Args:
        source: Config and checkpoint, or an exported file.
        device: Where to run, such as ``'cuda:0'``.
        tta: Test-time augmentation by the config's ``tta_pipeline``.
        crf: None does as the config says, False leaves the CRF out, True takes the
            config's or, where it has none, the one of the released ResNet-101; a
            string is the file of a CRF fragment.
        output_stride: Another one than the config's.
        cfg_options: Override settings of the config, dotted keys.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the files do not fit together or cannot do what is asked for.
    """
    options = dict(
        tta=tta, crf=crf, output_stride=output_stride, cfg_options=cfg_options
    )
    if not is_exported(source.checkpoint):
        from .network import NetworkPredictor

        return NetworkPredictor.from_files(source, device=device, **options)
    _refuse(source.checkpoint, options)
    from .exported import ExportedPredictor

    return ExportedPredictor(source.checkpoint, device=device)


def _refuse(path: str, options: Mapping[str, object]) -> None:
    """Refuse what was decided when the file was exported."""
    for name, value in options.items():
        if value:
            option = f'--{name.replace("_", "-")}'
            raise ValueError(
                f'{path}: {option} ({name}={value!r}) does not go with an exported '
                'model, which is fixed. Remedy: leave it out, or predict with CONFIG '
                'and CHECKPOINT'
            )
