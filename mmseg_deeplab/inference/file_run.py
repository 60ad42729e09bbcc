"""Predict many files: reading ahead, in batches, writing behind."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from mmseg_deeplab.utils.atomic_files import PART_SUFFIX
from mmseg_deeplab.utils.progress import Progress

from .big_inputs import Kind, is_big, kind_of, predict_big
from .claims import Claims
from .file_outputs import FileOutputs
from .images import is_image, read_image
from .inputs import InputFile
from .journal import Journal
from .prediction import Prediction
from .predictor import Predictor
from .run_options import RunOptions
from .work_queue import WorkQueue

THREADS = 4  # that read, and that write: decoding and encoding let each other run


class FileRun:
    """Predict files that may be shared with other processes.

    Threads read the next images and write the last ones while the network works on
    those in between. A file that cannot be read or predicted is noted, and the others
    are done; a disk that takes no more ends the run.

    Args:
        make_predictor: Loads the model; called only when there is something to do.
        outputs: What to write.
        journal: What is done.
        claims: What other processes work on.
        options: How.
        show_progress: Whether to show a bar.
    """

    def __init__(
        self,
        make_predictor: Callable[[], Predictor],
        *,
        outputs: FileOutputs,
        journal: Journal,
        claims: Claims,
        options: RunOptions,
        show_progress: bool = True,
    ) -> None:
        self._make_predictor = make_predictor
        self._outputs, self._options = outputs, options
        self._journal, self._claims = journal, claims
        self._show_progress = show_progress
        self._writing: deque[Future] = deque()

    def run(self, items: Sequence[InputFile]) -> dict[InputFile, str]:
        """Predict all that is not done; return when other processes have ended, too.

        Args:
            items: The inputs.

        Returns:
            The inputs that failed, with the reasons.

        Raises:
            OSError: If an output cannot be written.
        """
        self._remove_parts()
        queue = WorkQueue(items, self._journal, self._claims, self._outputs.parts)
        if queue:
            self._predictor = self._make_predictor()
            self._work(queue)
        reasons = {item: self._journal.failure(item) for item in items}
        return {item: reason for item, reason in reasons.items() if reason}

    def _work(self, queue: WorkQueue) -> None:
        unit = 'images' if all(is_image(item.path) for item in queue.left) else 'files'
        bar = Progress(
            'predict', len(queue), unit=unit, disable=not self._show_progress
        )
        self._open = {item.name for item in queue.left}
        with (
            bar,
            ThreadPoolExecutor(THREADS) as readers,
            ThreadPoolExecutor(THREADS) as writers,
        ):
            self._bar, self._writers = bar, writers
            for batch in self._batches(queue, readers):
                self._predict(batch)
                self._advance()
            self._finish_writing(0)
            self._advance()

    def _batches(
        self, queue: WorkQueue, readers: ThreadPoolExecutor
    ) -> Iterator[list[tuple[InputFile, Future]]]:
        """Yield batches of what is being read, one batch ahead.

        Big inputs come alone, when they are begun, so that the next ones are left to
        other processes.
        """
        size, pixels = self._options.batch_size, self._options.max_pixels
        reading: deque[tuple[InputFile, Future]] = deque()
        for item in queue:
            is_alone = item is None or is_big(item.path, max_pixels=pixels)
            if not is_alone:
                reading.append((item, readers.submit(self._read, item)))
            while len(reading) >= 2 * size or (reading and is_alone):
                yield [reading.popleft() for _ in range(min(size, len(reading)))]
            if is_alone and item is not None:
                yield [(item, readers.submit(self._read, item))]
            self._advance()
        while reading:
            yield [reading.popleft() for _ in range(min(size, len(reading)))]

    def _read(self, item: InputFile) -> np.ndarray | Kind:
        kind = kind_of(item.path, max_pixels=self._options.max_pixels)
        return read_image(item.path) if kind is Kind.IMAGE else kind

    def _predict(self, batch: Sequence[tuple[InputFile, Future]]) -> None:
        images = []
        for item, future in batch:
            try:
                found = future.result()
                if isinstance(found, Kind):
                    self._predict_big(item, found)
                else:
                    images.append((item, found))
            except Exception as error:  # each kind of file breaks in its own ways
                self._fail(item, error)
        self._predict_images(images)

    def _predict_big(self, item: InputFile, kind: Kind) -> None:
        paths = predict_big(
            kind,
            self._predictor,
            item,
            self._outputs,
            self._options,
            on_step=lambda text: self._bar.advance(0, name=text),
        )
        self._bar.advance(0, name='predict')
        self._done(item, paths)

    def _predict_images(self, images: Sequence[tuple[InputFile, np.ndarray]]) -> None:
        if not images:
            return
        try:
            predictions = self._predictor.predict(
                [image for _, image in images],
                probabilities=self._outputs.probabilities,
            )
        except Exception as error:  # out of memory, or one image that does not do
            if len(images) == 1:
                self._fail(images[0][0], error)
                return
            for one in images:
                self._predict_images([one])
            return
        for (item, image), prediction in zip(images, predictions, strict=True):
            self._finish_writing(2 * self._options.batch_size + THREADS)
            writing = self._writers.submit(self._write, item, image, prediction)
            self._writing.append(writing)

    def _write(
        self, item: InputFile, image: np.ndarray, prediction: Prediction
    ) -> None:
        palette = self._predictor.palette
        self._done(item, self._outputs.write_image(item, image, prediction, palette))

    def _done(self, item: InputFile, paths: Sequence) -> None:
        self._journal.add(item, parts=self._outputs.parts, outputs=paths)
        self._claims.release(item.name)

    def _fail(self, item: InputFile, error: Exception) -> None:
        reason = str(error).strip() or type(error).__name__
        if not isinstance(error, (ValueError, OSError, ImportError)):
            reason = f'{type(error).__name__}: {reason}'
        self._journal.add_failure(item, reason)
        self._claims.release(item.name)

    def _finish_writing(self, left: int) -> None:
        """Wait until no more than so many images are being written."""
        while len(self._writing) > left:
            self._writing.popleft().result()

    def _advance(self) -> None:
        settled = self._open.intersection(self._journal.news())
        self._open -= settled
        self._bar.advance(len(settled))

    def _remove_parts(self) -> None:
        """Remove what processes that were killed have left half written."""
        folder = self._outputs.folder
        for part in folder.rglob(f'.*{PART_SUFFIX}'):
            # labels/a/.1.png.4711.part -> a/1
            target = part.with_name(part.name[1:].rsplit('.', 2)[0])
            place = target.relative_to(folder).with_suffix('').parts[1:]
            name = '/'.join(place)
            if name and self._claims.take(name):
                part.unlink(missing_ok=True)
                self._claims.release(name)
