"""What all pictures share: colours, line styles, how they are written."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmseg_deeplab.utils.atomic_files import write_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Told apart with every kind of colour vision: Okabe and Ito 2008,
# https://jfly.uni-koeln.de/color/, without black and without yellow, which is too pale
# for lines on white.
COLOURS = ('#0072B2', '#E69F00', '#009E73', '#D55E00', '#CC79A7', '#56B4E9')
DASHES = ('-', '--', ':', '-.')  # the next one when the colours are used up
MARKERS = ('o', '^', 's', 'D', 'v', 'P')
FORMATS = ('.png', '.svg', '.pdf')
DPI = 110  # of a PNG


def colour(number: int) -> str:
    """Return the colour of the item ``number``, from 0; they repeat."""
    return COLOURS[number % len(COLOURS)]


def marker(number: int) -> str:
    """Return the mark of the item ``number``, from 0; they repeat."""
    return MARKERS[number % len(MARKERS)]


def line_style(number: int) -> dict[str, Any]:
    """Return colour and dashes of the line ``number``, from 0: 24 look different."""
    dashes = DASHES[number // len(COLOURS) % len(DASHES)]
    return dict(color=colour(number), linestyle=dashes)


def new_figure(width: float, height: float) -> 'Figure':
    """Return an empty figure.

    Args:
        width: In inches.
        height: In inches.
    """
    from matplotlib.figure import Figure  # slow to import; pyplot is not needed

    return Figure(figsize=(width, height), layout='constrained')


def add_grid(axes: 'Axes') -> None:
    """Put a faint grid behind what is drawn."""
    axes.grid(alpha=0.3)
    axes.set_axisbelow(True)


def check_picture(path: str | Path) -> Path:
    """Return the path of a picture.

    Raises:
        ValueError: If the suffix is not one of :data:`FORMATS`.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise ValueError(
            f'{path}: the suffix tells the format and must be one of '
            f'{", ".join(FORMATS)}, received {path.suffix!r}'
        )
    return path


def save_figure(figure: 'Figure', path: str | Path, *, dpi: int = DPI) -> None:
    """Write a figure as PNG, SVG or PDF, whole or not at all.

    Args:
        figure: What to write.
        path: Where to, in a new folder if need be; the suffix tells the format.
        dpi: Pixels per inch of a PNG.

    Raises:
        ValueError: If the suffix is another one.
    """
    path = check_picture(path)
    content = io.BytesIO()
    figure.savefig(content, format=path.suffix[1:].lower(), dpi=dpi)
    write_whole(content.getvalue(), path)


def names_of(
    files: Sequence[str | Path], labels: Sequence[str] | None, *, parts: int = 2
) -> list[str]:
    """Return what the legend calls each file.

    Args:
        files: One or more.
        labels: Names; None takes the last components of each path.
        parts: How many components; more where they do not tell the files apart.

    Raises:
        ValueError: If there is another number of labels than of files.
    """
    if labels is None:
        split = [Path(file).parts for file in files]
        most = max(map(len, split))
        while parts < most and len({s[-parts:] for s in split}) < len(set(split)):
            parts += 1
        return [str(Path(*components[-parts:])) for components in split]
    if len(labels) != len(files):
        raise ValueError(
            f'{len(files)} files need as many labels, received {list(labels)}'
        )
    return list(labels)
