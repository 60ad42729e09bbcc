"""The inputs that are left, shared with all processes that write into a folder."""

import time
from collections import deque
from collections.abc import Iterable, Iterator

from .claims import Claims
from .inputs import InputFile
from .journal import Journal

PAUSE = 0.1  # s, between two looks at what other processes work on


class WorkQueue:
    """Hand out the inputs that nobody has finished and nobody works on.

    Args:
        items: All inputs of the run.
        journal: What is done.
        claims: What others work on.
        parts: Kinds of outputs that make an input done.
    """

    def __init__(
        self,
        items: Iterable[InputFile],
        journal: Journal,
        claims: Claims,
        parts: Iterable[str],
    ) -> None:
        self._journal, self._claims, self._parts = journal, claims, tuple(parts)
        self._left = deque(item for item in items if not self.is_settled(item))

    def __len__(self) -> int:
        return len(self._left)

    @property
    def left(self) -> tuple[InputFile, ...]:
        """What has not been handed out and is not known to be done."""
        return tuple(self._left)

    def is_settled(self, item: InputFile) -> bool:
        """Whether nothing is left to do: an input is done, or failed in this run.

        Args:
            item: The input.
        """
        journal = self._journal
        return journal.is_done(item, self._parts) or journal.failure(item) is not None

    def __iter__(self) -> Iterator[InputFile | None]:
        """Yield inputs, each claimed, and None before waiting for other processes.

        What another process has claimed is looked at again at the end: when that
        process dies before it is done, the input comes here.
        """
        while self._left:
            for _ in range(len(self._left)):
                item = self._left.popleft()
                claimed = self._claims.take(item.name)
                self._journal.refresh()  # after the claim: nobody adds it from now on
                if not claimed and not self.is_settled(item):
                    self._left.append(item)
                elif claimed and self.is_settled(item):
                    self._claims.release(item.name)
                elif claimed:
                    yield item
            if self._left:
                yield None
                time.sleep(PAUSE)
