"""One process that predicts files: it reads ahead, batches, and writes meanwhile."""

import math
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from mmengine.device import get_device

from mmseg_deeplab.utils.core_count import core_count
from mmseg_deeplab.utils.errors import DeviceError, InputError
from mmseg_deeplab.utils.image_bands import ImageBands
from mmseg_deeplab.utils.raster_reader import is_raster, read_bands
from mmseg_deeplab.utils.value_checks import require_at_least

from .backends import Job
from .images import header_size, read_image
from .input_files import InputFile
from .output_files import FileOutputs
from .predictor import BatchedPredictor, Predictor
from .raster import predict_raster
from .raster_outlines import outline_raster
from .raster_windows import DEFAULT_OVERLAP
from .video import predict_video
from .video_files import VIDEO_SUFFIXES

# Larger images are predicted by windows: networks other than LeanEncoderDecoder make
# logits of full size, at 25 megapixels and 21 classes 2.1 GB.
MAX_PIXELS = 25_000_000
SUFFIX = len('.png')  # as long as those of the other outputs
MAX_NAME = 255 - SUFFIX  # bytes; NAME_MAX of Linux
THREADS = 6  # that write images; to flush a file to the disk is to wait
# Batches that a CPU predicts at a time, each with its share of the cores: while one of
# them is busy with Python, small maps or files, the other one computes.
TOGETHER = 2
# A CPU predicts a batch of more pixels alone, with all cores, since two at a time take
# twice the memory: logits of full size alone are 0.34 GB here, at 21 classes.
PIXELS_TOGETHER = 4_000_000
# A file may be at fault with these errors; all others stop the run.
FILE_ERRORS = (ValueError, OSError, ImportError)


@dataclass(frozen=True)
class RunOptions:
    """How inputs are put through the model."""

    batch_size: int = 1  # images, frames or windows that go through it together
    workers: int = min(4, core_count())  # threads that read images
    max_pixels: int = MAX_PIXELS  # larger images are predicted by windows, as rasters
    window: int | None = None  # see :func:`predict_raster`, as for the next three
    overlap: int = DEFAULT_OVERLAP
    bands: tuple[int, ...] | None = None
    scale: tuple[float, float] | str | None = None

    def __post_init__(self) -> None:
        require_at_least(1, batch_size=self.batch_size, max_pixels=self.max_pixels)

    def recorded(self) -> dict[str, Any]:
        """Return the options that predictions depend on."""
        options = asdict(self)
        del options['batch_size'], options['workers']
        return options


class FileRun:
    """Predicts files and writes their outputs.

    ``load(device=...)`` loads the model if an input needs it, and with the first one
    ``prepare(predictor, job)`` is called; ``device`` is :func:`default_device` by
    default. ``label_ids(K)``, if set, returns the values of the classes in the masks of
    images, instead of 0 to K - 1. Outputs written before ``since`` (POSIX time, s) do
    not count.
    """

    def __init__(
        self,
        load: Callable[..., Predictor],
        outputs: FileOutputs,
        options: RunOptions,
        *,
        since: float = 0.0,
        device: str | None = None,
        prepare: Callable[[Predictor, Job], None] = lambda *_: None,
    ) -> None:
        self.label_ids: Callable[[int], Sequence[int]] | None = None
        self._ids: Sequence[int] | None = None
        self._load, self._outputs, self.options = load, outputs, options
        self._prepare, self._num_files, self._is_prepared = prepare, 0, False
        self._since, self._device = since, device
        self._predictor: BatchedPredictor | None = None

    def run(
        self,
        items: Sequence[InputFile],
        *,
        on_step: Callable[..., None] = lambda *_, **__: None,
    ) -> dict[str, str]:
        """Predict all files that are not finished; return failed paths with reasons.

        ``on_step`` is called with the number of inputs done since the last call, and
        perhaps with ``name``, what is being done. What is no fault of a file is a
        DeviceError.
        """
        self._on_step = on_step
        left = [
            i for i in items if not self._outputs.are_finished(i, since=self._since)
        ]
        on_step(len(items) - len(left))
        self._num_files, self._failures, self._is_broken = len(left), {}, False
        if left:
            predictor = self._loaded()  # its errors are no fault of a file
            with self._pools(len(left)):
                self._run(left, predictor)
        return self._failures

    @contextmanager
    def _pools(self, count: int) -> Iterator[None]:
        """Have threads that predict some files, sharing the cores, and that write."""
        cores = torch.get_num_threads()
        batches = math.ceil(count / self.options.batch_size)
        on_cpu = (self._device or default_device()) == 'cpu'
        self._together = together = min(TOGETHER, cores, batches) if on_cpu else 1
        self._pool = ThreadPoolExecutor(
            together, initializer=torch.set_num_threads, initargs=(cores // together,)
        )
        with ThreadPoolExecutor(THREADS) as self._writers:
            try:
                yield
            finally:
                self._pool.shutdown(cancel_futures=True)
                torch.set_num_threads(cores)  # of threads that begin later

    def _run(self, items: Sequence[InputFile], predictor: BatchedPredictor) -> None:
        running: deque[tuple[Future, int]] = deque()  # batches with their images
        # Images in memory: batches that are predicted and one more, which is written.
        most = max(THREADS, (self._together + 1) * self.options.batch_size)
        # The bands that are read are those of the model.
        for kind, batch in self._batches(items, predictor.bands):
            item, content = batch[0]
            if kind == 'fault':
                self._failures[item.path] = content
                self._on_step(1)
                continue
            if not self._is_prepared:
                self._prepare(predictor.predictor, Job(content, self._num_files))
                self._outputs.begin(predictor.classes, predictor.palette)
                self._is_prepared = True
            is_alone = kind != 'image' or self._is_alone(batch)
            while running and (
                is_alone or sum(n for _, n in running) + len(batch) > most
            ):
                future, count = running.popleft()
                self._finish(future.result(), count)
            if is_alone:
                self._finish(self._predict_and_write(kind, batch), len(batch))
            else:
                future = self._pool.submit(self._predict_and_write, kind, batch)
                running.append((future, len(batch)))
        for future, count in running:
            self._finish(future.result(), count)

    def _is_alone(self, batch: list) -> bool:
        """Tell whether a batch is too large to be predicted beside another one."""
        pixels = sum(image.shape[0] * image.shape[1] for _, image in batch)
        return self._together > 1 and pixels > PIXELS_TOGETHER

    def _finish(self, writes: Iterable[Future], count: int) -> None:
        """Wait until the outputs of a batch are written."""
        for write in writes:
            write.result()
        self._on_step(count)

    def _batches(
        self, items: Sequence[InputFile], bands: ImageBands | None
    ) -> Iterator[tuple[str, list]]:
        """Yield ``(kind, [(item, content), ...])``: images of one size together.

        Images of rare sizes do not wait for long, so that few are held in memory.
        """
        size, waiting = self.options.batch_size, {}
        for item, kind, content in self._read(items, bands):
            if kind != 'image':
                yield kind, [(item, content)]
                continue
            group = waiting.setdefault(content.shape, [])
            group.append((item, content))
            if len(group) == size:
                yield kind, waiting.pop(content.shape)
            elif sum(map(len, waiting.values())) > 4 * size:
                yield kind, waiting.pop(next(iter(waiting)))
        for group in waiting.values():
            yield 'image', group

    def _read(
        self, items: Sequence[InputFile], bands: ImageBands | None
    ) -> Iterator[tuple[InputFile, str, Any]]:
        """Yield the inputs in order, read by threads, two for each in advance."""
        reader = _InputReader(self.options, bands)
        workers = max(1, self.options.workers)
        ahead: deque[Future] = deque()
        with ThreadPoolExecutor(workers) as pool:
            for item in items:
                ahead.append(pool.submit(reader, item))
                if len(ahead) > 2 * workers:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()

    def _predict_and_write(self, kind: str, batch: list) -> list[Future]:
        """Predict a batch and have its outputs written."""
        writes = () if self._is_broken else self._predict(kind, batch)
        return [self._writers.submit(write) for write in writes]

    def _predict(self, kind: str, batch: list) -> Iterable[Callable[[], None]]:
        """Predict a batch; return what writes the outputs of images."""
        predictor, (item, _) = self._loaded(), batch[0]
        try:
            if kind == 'image':
                return self._predict_images(predictor, batch)
            if self._ids is not None:
                raise InputError(
                    f'{item.path}: --ids label is for images, not for a {kind}. '
                    'Remedy: leave it out'
                )
            if kind == 'video':
                self._check_video(predictor, item)
            predict = dict(video=self._predict_video, raster=self._predict_raster)
            predict[kind](predictor, item)
        except FILE_ERRORS as error:
            if len(batch) > 1:
                return [w for one in batch for w in self._predict(kind, [one])]
            self._failures[item.path] = str(error).strip() or type(error).__name__
        except Exception as error:
            self._is_broken = True
            paths = ', '.join(item.path for item, _ in batch)
            raise DeviceError(
                f'the model failed, and no file is to blame: {type(error).__name__}: '
                f'{error} (while it predicted {paths}). The same command goes on from '
                'here'
            ) from error
        return ()

    def _loaded(self) -> BatchedPredictor:
        if self._predictor is None:
            predictor = self._load(device=self._device or default_device())
            if self.label_ids is not None:
                count = len(predictor.classes)
                self._ids = self.label_ids(count)
                if len(self._ids) != count:
                    raise InputError(
                        f'--ids label: the data set of the config has the ids '
                        f'{self._ids}, and the model {count} classes. Remedy: give '
                        'another config, or leave --ids out'
                    )
            self._predictor = BatchedPredictor(predictor, self.options.batch_size)
        return self._predictor

    def _predict_images(
        self, predictor: Predictor, batch: list
    ) -> list[Callable[[], None]]:
        images = [image for _, image in batch]
        wanted = self._outputs.probabilities
        predictions = predictor.predict(images, probabilities=wanted)
        names = dict(
            palette=predictor.palette, classes=predictor.classes, ids=self._ids
        )
        write = partial(self._write_image, **names)
        if predictor.bands is not None:
            batch = [(item, predictor.bands.rgb(image)) for item, image in batch]
        return [
            partial(write, item, image, prediction)
            for (item, image), prediction in zip(batch, predictions, strict=True)
        ]

    def _write_image(
        self, item: InputFile, image: Any, prediction: Any, **names: Any
    ) -> None:
        try:
            self._outputs.write_image(item, image, prediction, **names)
        except (ValueError, cv2.error) as error:  # an image too large for a format
            self._failures[item.path] = f'its outputs cannot be written: {error}'

    def _check_video(self, predictor: Predictor, item: InputFile) -> None:
        if predictor.bands is not None:
            raise InputError(f'{item.path}: is a video, and the network reads bands')
        if self._outputs.probabilities:
            raise InputError(
                f'{item.path}: --probabilities is not for a video. Remedy: leave it out'
            )

    def _predict_video(self, predictor: Predictor, item: InputFile) -> None:
        predict_video(
            predictor,
            item.path,
            self._outputs.video_overlay(item),
            batch_size=self.options.batch_size,
            opacity=self._outputs.opacity,
            label_video=self._outputs.path(item, 'labels', '.mkv'),
            on_frames=self._counter(item, 'frames'),
        )

    def _predict_raster(self, predictor: Predictor, item: InputFile) -> None:
        names = ('window', 'overlap', 'bands', 'scale', 'batch_size')
        path, wanted = self._outputs.path, self._outputs.probabilities
        predict_raster(
            predictor,
            item.path,
            path(item, 'labels', '.tif'),
            probabilities=path(item, 'probabilities', '.tif') if wanted else None,
            on_windows=self._counter(item, 'windows'),
            **{name: getattr(self.options, name) for name in names},
        )
        if self._outputs.polygons:
            outline_raster(predictor, item, self._outputs)

    def _counter(self, item: InputFile, unit: str) -> Callable[[int], None]:
        """Return a function that adds up what is done of an input, and shows it."""
        done = Counter()

        def add(count: int) -> None:
            done[unit] += count
            self._on_step(0, name=f'{Path(item.name).name}: {done[unit]} {unit}')

        return add


class _InputReader:
    """Reads an input and returns it with its kind and its content.

    The content is that of an image, or the reason of a fault.
    """

    def __init__(self, options: RunOptions, bands: ImageBands | None) -> None:
        self._max_pixels, self._bands = options.max_pixels, bands
        # What these options are for is read as a raster, whatever its format.
        self._chooses = bool(options.bands or options.scale)

    def __call__(self, item: InputFile) -> tuple[InputFile, str, Any]:
        try:
            _check_name(item)
            kind = self._kind(item.path)
            if kind != 'image':
                return item, kind, None
            if self._bands is not None:
                return item, kind, read_bands(item.path, self._bands)[0]
            return item, kind, read_image(item.path)
        except Exception as error:  # each kind of file breaks in its own ways
            return item, 'fault', str(error).strip() or type(error).__name__

    def _kind(self, path: str) -> str:
        if not os.path.isfile(path):
            return 'image'  # which says what is wrong with it
        if Path(path).suffix.lower() in VIDEO_SUFFIXES:
            return 'video'
        width, height = header_size(path) or (0, 0)
        is_large = width * height > self._max_pixels
        is_large = is_large or self._chooses
        return 'raster' if is_large or is_raster(path) else 'image'


def _check_name(item: InputFile) -> None:
    length = len(os.fsencode(os.path.basename(item.name)))
    if length > MAX_NAME:
        raise InputError(
            f'{item.path}: the names of its outputs would be longer than file systems '
            f'allow ({length + SUFFIX} of 255 bytes). Remedy: rename it'
        )


def default_device() -> str:
    """Return the GPU of this process of a distributed run, else mmengine's choice."""
    if torch.cuda.is_available() and 'LOCAL_RANK' in os.environ:
        from mmseg_deeplab.engine.distributed import require_one_gpu_each

        require_one_gpu_each('pytorch')
        return f'cuda:{os.environ["LOCAL_RANK"]}'
    return get_device()
