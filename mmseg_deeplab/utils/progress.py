"""A progress bar with the time left."""

import time
from types import TracebackType

from rich import progress as rich_progress
from rich.text import Text

# Seconds between two lines where the output is a file and a bar would not show.
LINE_INTERVAL = 60.0


class Progress:
    """``with Progress('search', 100) as progress: ... progress.advance()``.

    Args:
        name: What is going on.
        total: Steps.
        unit: What a step is, such as ``'images'``: their number per second is shown.
        disable: Show nothing.
    """

    def __init__(
        self, name: str, total: int, *, unit: str = '', disable: bool = False
    ) -> None:
        rate = [_RateColumn(unit)] if unit else []
        self._unit, self._disable = unit, disable
        self._bar = rich_progress.Progress(
            rich_progress.TextColumn('{task.description}'),
            rich_progress.BarColumn(),
            rich_progress.MofNCompleteColumn(),
            *rate,
            rich_progress.TimeElapsedColumn(),
            rich_progress.TextColumn('left'),
            rich_progress.TimeRemainingColumn(),
            disable=disable,
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
        is_shown = self._disable or self._bar.console.is_terminal
        if not is_shown and waited > LINE_INTERVAL:
            self._last_line = time.monotonic()
            print(self._line(), flush=True)

    def _line(self) -> str:
        task = self._bar.tasks[0]
        left = (task.total - task.completed) * task.elapsed / max(task.completed, 1)
        rate = f'{task.completed / task.elapsed:.3g} {self._unit}/s, '
        return (
            f'{task.description}: {task.completed:g}/{task.total:g}, '
            f'{rate if self._unit else ""}'
            f'{task.elapsed / 60:.1f} min, {left / 60:.1f} min left'
        )


class _RateColumn(rich_progress.ProgressColumn):
    """Steps per second, of the last while."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: rich_progress.Task) -> Text:
        """Give the text; none before the first steps."""
        speed = task.finished_speed or task.speed
        return Text(f'{speed:.3g} {self._unit}/s' if speed else '')
