"""What an exported file says about itself, so that it can be used alone."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from mmseg_deeplab.version import __version__

OUTPUTS = ('labels', 'probabilities')
PACKAGE = 'mmseg_deeplab'


@dataclass(frozen=True)
class ExportMetadata:
    """Stored in the file, each value as JSON.

    Args:
        classes: Names of the K classes.
        palette: Their colours, R, G, B.
        output: ``'labels'``, ``(N, H, W)``, uint8 (int32 with more than 256 classes),
            or ``'probabilities'``, ``(N, K, H, W)``, float32.
        config: Name of the config.
        mean: Subtracted from R, G and B; like all else inside of the graph.
        std: What R, G and B are divided by.
        channels: Order in which the network gets them, ``'RGB'`` or ``'BGR'``; the
            file takes RGB.
        size_divisor: Sides are padded to its multiples; 1 for none.
        align_corners: How the scores are brought to the size of the image.
        threshold: Of a single sigmoid channel; None for an argmax.
        resize: Arguments of mmcv's ``Resize`` where the test pipeline has one. It is
            **not** inside of the graph; :class:`ExportedPredictor` does it.
        notes: What was left out.
        int8: How the file was quantised; empty if it was not.
        package: The name of this package.
        version: Its version.
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
        """Read what :meth:`to_text` has written.

        Args:
            found: By name; other names are left alone.
            path: Of the file, for messages.

        Raises:
            ValueError: If the file was not written by this package, or is damaged.
        """
        names = [field.name for field in fields(cls)]
        if found.get('package') != json.dumps(PACKAGE):
            raise ValueError(
                f'{path}: holds no meta data of mmseg_deeplab (classes, palette, '
                f'output); it has {sorted(found)[:6]}. Remedy: export the model with '
                'tools/export.py'
            )
        missing = [name for name in names if name not in found]
        if missing:
            raise ValueError(
                f'{path}: its meta data lack {missing}. Remedy: export it again with '
                f'this version ({__version__})'
            )
        try:
            values = {name: json.loads(found[name]) for name in names}
        except json.JSONDecodeError as error:
            raise ValueError(f'{path}: its meta data are damaged: {error}') from error
        for name in ('classes', 'notes'):
            values[name] = tuple(values[name])
        for name, value in (values['resize'] or {}).items():
            values['resize'][name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)
