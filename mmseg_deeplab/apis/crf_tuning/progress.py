"""A progress bar with the time left."""

import time
from types import TracebackType

from rich import progress as rich_progress

# Seconds between two lines where the output is a file and a bar would not show.
LINE_INTERVAL = 60.0


class Progress:
    """``with Progress('search', 100) as progress: ... progress.advance()``.

    Args:
        name: What is going on.
        total: Steps.
    """

    def __init__(self, name: str, total: int) -> None:
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn('{task.description}'),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            rich_progress.TimeElapsedColumn(),
            rich_progress.TextColumn('left'),
            rich_progress.TimeRemainingColumn(),
        )
        self._task = self._bar.add_task(name, total=total)
        self._last_line = time.monotonic()

    def __enter__(self) -> 'Progress':
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def advance(self, steps: int = 1, *, name: str | None = None) -> None:
        """Go on by some steps, with another name if there is one."""
        self._bar.update(self._task, advance=steps, description=name)
        waited = time.monotonic() - self._last_line
        if not self._bar.console.is_terminal and waited > LINE_INTERVAL:
            self._last_line = time.monotonic()
            print(self._line(), flush=True)

    def _line(self) -> str:
        task = self._bar.tasks[0]
        left = (task.total - task.completed) * task.elapsed / max(task.completed, 1)
        return (
            f'{task.description}: {task.completed:g}/{task.total:g}, '
            f'{task.elapsed / 60:.1f} min, {left / 60:.1f} min left'
        )
