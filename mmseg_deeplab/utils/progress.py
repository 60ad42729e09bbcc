"""A progress bar with the time left."""

import sys

from tqdm import tqdm

# Seconds between two lines where the output is a file.
LINE_INTERVAL = 60.0


class Progress(tqdm):
    """``with Progress('search', 100) as progress: ... progress.advance()``.

    In a terminal it is a bar; in a file it is a line each minute. ``unit`` is what a
    step is, such as ``'images'`` or ``'B'`` for bytes, and ``start`` how many are done.
    """

    def __init__(
        self,
        name: str,
        total: int | None,
        *,
        unit: str = 'steps',
        start: int = 0,
        disable: bool = False,
    ) -> None:
        super().__init__(
            desc=name,
            total=total,
            unit=unit if unit == 'B' else f' {unit}',
            unit_scale=unit == 'B',
            initial=start,
            disable=disable,
            mininterval=0.1 if sys.stderr.isatty() else LINE_INTERVAL,
            dynamic_ncols=True,
        )

    def advance(self, steps: int = 1, *, name: str | None = None) -> None:
        if name is not None:
            self.set_description(name, refresh=False)
        self.update(steps)
