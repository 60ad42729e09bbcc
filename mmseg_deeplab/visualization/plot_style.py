"""The colours, the layout and the file formats that all plots share."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Colours that can be told apart with every kind of colour vision: Okabe and Ito 2008,
# https://jfly.uni-koeln.de/color/, without black, and without yellow, which is too pale
# for lines on white.
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#D55E00', '#CC79A7', '#56B4E9')
DASHES = ('-', '--', ':', '-.')
FORMATS = ('.png', '.svg', '.pdf')


def line_style(number: int) -> dict[str, Any]:
    """Return the colour and the dashes of a line; the lines 0 to 23 look different."""
    dashes = DASHES[number // len(COLOURS) % len(DASHES)]
    return dict(color=COLOURS[number % len(COLOURS)], linestyle=dashes)


def new_figure(
    width: float, height: float, *, columns: int = 1, title: str = ''
) -> 'tuple[Figure, Sequence[Axes]]':
    """Return a figure of a size in inches and its axes side by side, with a grid."""
    from matplotlib.figure import Figure  # slow to import; pyplot is not needed

    figure = Figure(figsize=(width, height), layout='constrained')
    figure.suptitle(title)
    panels = figure.subplots(1, columns, squeeze=False)[0]
    for axes in panels:
        axes.grid(alpha=0.3)
        axes.set_axisbelow(True)
    return figure, panels


def check_format(path: str | Path) -> None:
    """Raise a ValueError if the suffix of a plot is not one of :data:`FORMATS`."""
    suffix = Path(path).suffix
    if suffix.lower() not in FORMATS:
        raise InputError(
            f'{path}: the suffix determines the format and must be one of '
            f'{", ".join(FORMATS)}, received {suffix!r}'
        )


def save_figure(figure: 'Figure', path: str | Path, *, dpi: int = 110) -> None:
    """Write a figure as PNG, SVG or PDF, completely or not at all.

    Missing folders are made. ``dpi`` is the resolution of a PNG, pixels per inch.
    """
    content = io.BytesIO()
    figure.savefig(content, format=Path(path).suffix[1:].lower(), dpi=dpi)
    write_whole(content.getvalue(), Path(path))


def names_of(
    files: Sequence[str | Path], labels: Sequence[str] | None, *, parts: int = 2
) -> list[str]:
    """Return the labels, or else the last components of each path.

    There are ``parts`` components; more are taken where they tell files apart.
    """
    if labels is None:
        split = [Path(file).parts for file in files]
        most = max(map(len, split))
        while parts < most and len({s[-parts:] for s in split}) < len(set(split)):
            parts += 1
        return [str(Path(*components[-parts:])) for components in split]
    if len(labels) != len(files):
        raise InputError(
            f'{len(files)} files need as many labels, received {list(labels)}'
        )
    return list(labels)
