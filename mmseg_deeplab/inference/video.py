"""Predict the frames of a video as they come."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_at_least

from .output_files import write_labels
from .overlay import paint
from .predictor import Predictor
from .video_files import (
    CONTAINERS,
    Frame,
    VideoReader,
    VideoWriter,
    create_video,
    open_video,
)


def predict_video(
    predictor: Predictor,
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    batch_size: int = 1,
    opacity: float = 0.5,
    label_video: str | os.PathLike | None = None,
    label_folder: str | os.PathLike | None = None,
    on_frames: Callable[[int], None] | None = None,
) -> None:
    """Predict every frame of a video and write it with the classes' colours over it.

    Memory does not grow with the length. The result is H.264 of 8 bits with the
    source's times and its sound, copied. Frames are turned upright as the source's
    rotation says. H.264 takes even sizes only: the last column or row is repeated where
    one lacks.

    Args:
        predictor: What predicts a frame.
        source: The video; its first one if the file has several.
        target: The ``.mp4``, ``.mov`` or ``.mkv`` to write; appears when it is whole.
        batch_size: How many frames go through the predictor together.
        opacity: How much the colours cover: 0 is the frame alone, 1 the colours alone.
        label_video: Also write the class ids as grey values of a lossless video
            (FFV1), ``.mkv``.
        label_folder: Also write the class ids of every frame as ``000000.png``, ...
        on_frames: Called with the number of frames that were done since the last call.

    Raises:
        ValueError: If it is no video, truncated or damaged, or an argument is out of
            range.
    """
    require_at_least(1, batch_size=batch_size)
    _check_names(source, target, label_video)
    with ExitStack() as stack:
        reader = stack.enter_context(open_video(source))
        labels = None
        if label_video is not None:  # it is finished after the other one
            labels = stack.enter_context(
                create_video(label_video, reader, codec='ffv1')
            )
        painted = stack.enter_context(create_video(target, reader))
        count = 0
        for frames in _batches(reader, painted, batch_size):
            found = predictor.predict([frame.image for frame in frames])
            for frame, prediction in zip(frames, found, strict=True):
                ids, palette = prediction.labels, predictor.palette
                mixed = paint(frame.image, prediction, palette, opacity=opacity)
                painted.add(frame, mixed)
                if labels is not None:
                    labels.add(frame, ids)
                if label_folder is not None:
                    write_labels(Path(label_folder) / f'{count:06d}.png', ids, palette)
                count += 1
            if on_frames is not None:
                on_frames(len(frames))


def _check_names(
    source: str | os.PathLike,
    target: str | os.PathLike,
    label_video: str | os.PathLike | None,
) -> None:
    if Path(target).suffix.lower() not in CONTAINERS:
        raise InputError(f'{target}: a video is written as {", ".join(CONTAINERS)}')
    names = [source, target]
    if label_video is not None:
        if Path(label_video).suffix.lower() != '.mkv':
            raise InputError(f'{label_video}: a video of labels is named .mkv')
        names.append(label_video)
    if len({os.path.realpath(name) for name in names}) < len(names):
        raise InputError(f'{target}: source and results must be different files')


def _batches(
    reader: VideoReader, writer: VideoWriter, batch_size: int
) -> Iterator[list[Frame]]:
    """Yield the frames, so many at a time; the sound goes straight to the writer."""
    frames: list[Frame] = []
    for item in reader:
        if not isinstance(item, Frame):
            writer.add_sound(item)
            continue
        frames.append(item)
        if len(frames) == batch_size:
            yield frames
            frames = []
    if frames:
        yield frames
