"""Predict the frames of a video as they come."""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from .output import write_labels
from .overlay import overlay
from .prediction import Prediction
from .predictor import Predictor
from .video_encoders import CONTAINERS
from .video_reader import Frame, VideoReader, open_video
from .video_writer import VideoWriter, check_video_name, create_video

VIDEO_SUFFIXES = tuple(CONTAINERS)
# Lossless, of grey values too; plays in FFmpeg's players only.
LABEL_CODEC = 'ffv1'


def is_video(path: str | os.PathLike) -> bool:
    """Tell by the suffix whether a file is a video."""
    return Path(path).suffix.lower() in VIDEO_SUFFIXES


def count_frames(path: str | os.PathLike) -> int | None:
    """Return how many frames a video has by its header; None if it does not say.

    Args:
        path: Of the video.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no video.
    """
    with open_video(path) as reader:
        return reader.num_frames


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
    on_note: Callable[[str], None] | None = None,
) -> None:
    """Predict every frame of a video and write it with the classes' colours over it.

    Frames are decoded, predicted and encoded ``batch_size`` at a time: memory does not
    grow with the length. The result has the source's codec if FFmpeg has an encoder
    for it (else H.264, or what the kind of file can hold: that is logged), its times,
    whether the distances are equal or not, its pixel format, and its sound, copied.
    Frames are turned upright as the source's rotation says; the result needs none. The
    encoders of H.264, HEVC and AV1 take even sizes only: a last column or row is
    repeated where one lacks. Quality is the encoder's default, or for old codecs the
    source's bit rate or more. Colours of more than 8 bits are seen with 8.

    Args:
        predictor: What predicts a frame.
        source: The video; its first one if the file has several.
        target: The video to write; the suffix decides on the kind of file. It appears
            when it is whole.
        batch_size: Frames that go through the predictor together.
        opacity: Of the colours: 0 is the frame alone, 1 the colours alone.
        label_video: Also write the class ids as grey values of a lossless video
            (FFV1), ``.mkv``.
        label_folder: Also write the class ids of every frame as PNG,
            ``000000.png``, ...
        on_frames: Called with the number of frames that were done since the last call;
            :func:`count_frames` tells how many to expect.
        on_note: Called with what differs from the source (another codec, padding), a
            sentence each; by default they are logged.

    Raises:
        FileNotFoundError: If there is no such video.
        ValueError: If it is no video, truncated or damaged, or an argument is out of
            range.
        ImportError: If PyAV is missing.
    """
    if batch_size < 1:
        raise ValueError(f'batch_size must be 1 or more, received {batch_size!r}')
    if not 0 <= opacity <= 1:
        raise ValueError(f'opacity must be in 0..1, received {opacity!r}')
    _check_names(source, target, label_video)
    with ExitStack() as stack:
        reader = stack.enter_context(open_video(source))
        pictures = stack.enter_context(create_video(target, reader))
        labels = None
        if label_video is not None:
            labels = stack.enter_context(
                create_video(label_video, reader, codec=LABEL_CODEC, sound=False)
            )
        count = 0
        for frames in _batches(reader, pictures, batch_size):
            found = predictor.predict([frame.image for frame in frames])
            for frame, prediction in zip(frames, found, strict=True):
                _add(pictures, frame, _painted(frame, prediction, predictor, opacity))
                if labels is not None:
                    _add(labels, frame, prediction.labels)
                if label_folder is not None:
                    name = f'{count:06d}.png'
                    write_labels(Path(label_folder) / name, prediction.labels)
                count += 1
            if on_frames is not None:
                on_frames(len(frames))
        for note in pictures.notes:
            (on_note or _log)(f'{target}: {note}')


def _log(note: str) -> None:
    print_log(note, 'current', level=logging.WARNING)


def _check_names(
    source: str | os.PathLike,
    target: str | os.PathLike,
    label_video: str | os.PathLike | None,
) -> None:
    check_video_name(target)
    names = [source, target]
    if label_video is not None:
        if Path(label_video).suffix.lower() != '.mkv':
            raise ValueError(f'{label_video}: a video of labels is named .mkv')
        names.append(label_video)
    if len({os.path.realpath(name) for name in names}) < len(names):
        raise ValueError(f'{target}: source and results must be different files')


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


def _painted(
    frame: Frame, prediction: Prediction, predictor: Predictor, opacity: float
) -> np.ndarray:
    return overlay(frame.image, prediction.labels, predictor.palette, opacity=opacity)


def _add(writer: VideoWriter, frame: Frame, image: np.ndarray) -> None:
    writer.add(replace(frame, image=image))
