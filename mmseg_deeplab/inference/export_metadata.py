"""What an exported file says about itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mmseg_deeplab.version import __version__

PACKAGE = 'mmseg_deeplab'


@dataclass(frozen=True)
class ExportMetadata:
    """What an exported file says about itself; each value is stored as JSON.

    Args:
        classes: Names of the K classes.
        palette: Their colours, R, G, B.
        output: ``'labels'``, ``(N, H, W)``, uint8 (int32 with more than 256 classes),
            or ``'probabilities'``, ``(N, K, H, W)``, float32.
        config: Name of the config.
        mean: Subtracted from R, G and B, inside the graph.
        std: Divisors of R, G and B, inside the graph.
        channels: Order in which the network gets the channels, ``'RGB'`` or ``'BGR'``;
            the file itself takes RGB.
        size_divisor: The graph pads both sides to multiples of it; 1 for no padding.
        align_corners: How the logits are resized to the size of the image.
        threshold: Threshold of a single sigmoid channel; None for an argmax.
        resize: Arguments of mmcv's ``Resize`` where the test pipeline has one. Resizing
            is **not** inside the graph; :class:`ExportedPredictor` does it.
        notes: What the file leaves out.
        int8: How the file was quantised; None if it was not.
        package: Name of this package.
        version: Version of this package.
    """

    classes: tuple[str, ...]
    palette: list[list[int]]
    output: str
    config: str
    mean: list[float]
    std: list[float]
    channels: str
    size_divisor: int
    align_corners: bool
    threshold: float | None = None
    resize: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    int8: dict[str, Any] | None = None
    package: str = PACKAGE
    version: str = __version__

    def to_text(self) -> dict[str, str]:
        """Return each value as JSON."""
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def from_text(
        cls, found: Mapping[str, str], *, path: str | Path
    ) -> 'ExportMetadata':
        """Read what :meth:`to_text` has written; other keys are ignored.

        Raises:
            ValueError: If the file at ``path`` was not written by this version.
        """
        if found.get('package') != json.dumps(PACKAGE):
            raise ValueError(
                f'{path}: holds no metadata of mmseg_deeplab (classes, palette, '
                f'output); it has {sorted(found)[:6]}. Remedy: export the model with '
                'mmseg-deeplab export'
            )
        try:
            values = {one.name: json.loads(found[one.name]) for one in fields(cls)}
        except (KeyError, json.JSONDecodeError) as error:
            raise ValueError(
                f'{path}: its metadata are damaged or of another version ({error!r}). '
                f'Remedy: export the model again with this version ({__version__})'
            ) from error
        for name in ('classes', 'notes'):
            values[name] = tuple(values[name])
        for name, value in (values['resize'] or {}).items():
            values['resize'][name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)
