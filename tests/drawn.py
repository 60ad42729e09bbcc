"""What a plot function has drawn: the figure behind the file."""

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

from matplotlib.figure import Figure


def drawn(plot: Callable[..., None], *args: object, **options: object) -> Figure:
    """Call ``plot``, which writes one plot, and return its figure."""
    kept = []
    save = Figure.savefig

    def keep(self: Figure, *args: object, **kwargs: object) -> None:
        kept.append(self)
        save(self, *args, **kwargs)

    with patch.object(Figure, 'savefig', keep):
        plot(*args, **options)
    (figure,) = kept
    return figure


def points(line: object) -> list[list[float]]:
    """Return the points of a line as ``[x, y]``."""
    return line.get_xydata().tolist()


def legend_of(owner: object) -> list[str]:
    """Return the lines of the legend of axes or of a figure."""
    legends = [owner.get_legend()] if hasattr(owner, 'get_legend') else owner.legends
    return [text.get_text() for legend in legends for text in legend.get_texts()]


def is_plot(path: Path) -> bool:
    """Tell whether a file begins as its suffix says."""
    starts = {'.png': b'\x89PNG', '.pdf': b'%PDF', '.svg': b'<?xml'}
    return path.read_bytes().startswith(starts[path.suffix])
