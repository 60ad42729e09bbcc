"""A video file with the codec, the times and the sound of another one."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mmseg_deeplab.utils.streamed_file import streamed_file

from .video_encoders import (
    BITS_PER_PIXEL,
    CONTAINERS,
    add_video,
    output_time_base,
    pixel_format,
)
from .video_reader import Frame, VideoReader, load_av

# AVCOL_SPC_... of FFmpeg's pixfmt.h. What is not marked counts as BT.601, as in
# FFmpeg's own conversion; other spaces (BT.2020) become that.
BT709, UNMARKED, BT601 = 1, 2, (5, 6)
SPACES = (BT709, UNMARKED, *BT601)
GREY = {'uint8': 'gray', 'uint16': 'gray16le'}


@contextmanager
def create_video(
    path: str | Path,
    reader: VideoReader,
    *,
    codec: str | None = None,
    sound: bool = True,
) -> Iterator['VideoWriter']:
    """Create a video like the one that is read; it appears when it is whole.

    Args:
        path: The final name, whose suffix decides on the kind of file.
        reader: The source.
        codec: FFmpeg's name; that of the source by default.
        sound: Whether to copy the source's sound.

    Raises:
        ValueError: If there is no such kind of file, or the encoder fails.
    """
    av, path = load_av(), Path(path)
    muxer = check_video_name(path)
    with (
        streamed_file(path) as part,
        named_errors(path),
        av.open(str(part), 'w', format=muxer) as container,
    ):
        writer = VideoWriter(path, container, reader, codec=codec or reader.codec)
        if sound:
            writer.copy_sound_of(reader)
        yield writer
        writer.finish()


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Name the file in errors of FFmpeg.

    Args:
        path: What is written.

    Raises:
        ValueError: For them.
    """
    try:
        yield
    except load_av().error.FFmpegError as error:
        raise ValueError(
            f'{path}: cannot be written ({error}). Remedy: free space on the disk, or '
            'another kind of file, such as .mkv'
        ) from error


def check_video_name(path: str | Path) -> str:
    """Return FFmpeg's name for the kind of file that a suffix stands for.

    Args:
        path: Its name.

    Raises:
        ValueError: If the suffix is that of no kind of video.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in CONTAINERS:
        raise ValueError(
            f'{path}: {suffix!r} is no kind of video: {", ".join(CONTAINERS)}'
        )
    return CONTAINERS[suffix]


class VideoWriter:
    """Takes frames and packets of sound in the order of the source.

    Args:
        path: The file's name, for messages.
        container: Opened by PyAV for writing.
        reader: The source.
        codec: FFmpeg's name of the wanted codec.

    Attributes:
        notes: What differs from the source, in words.
    """

    def __init__(
        self, path: Path, container: Any, reader: VideoReader, *, codec: str
    ) -> None:
        self._path = path
        self.container = container
        self.notes: list[str] = []
        found, self.encoder, self.stream = add_video(container, codec, rate=reader.rate)
        if found != codec:
            self.notes.append(
                f'no encoder for {codec} in {container.format.name}: the result is '
                f'{found}'
            )
        self._sound: dict[int, Any] = {}
        self._early: list[Any] = []  # sound before the first frame
        self._reader = reader
        self._base = output_time_base(self.encoder, container.format.name, reader)
        self._last: int | None = None

    def copy_sound_of(self, reader: VideoReader) -> None:
        """Make room for the source's sound, which is copied as it is."""
        for stream in reader.sound:
            try:
                copy = self.container.add_stream_from_template(stream)
            except (ValueError, load_av().error.FFmpegError) as error:
                self.notes.append(f'without the sound {stream.codec.name} ({error})')
                continue
            self._sound[stream.index] = copy

    def add_sound(self, packet: Any) -> None:
        """Copy a packet of the source's sound."""
        copy = self._sound.get(packet.stream.index)
        if copy is None:
            return
        packet.stream = copy
        # With the first packet the file's header is written, frame size included.
        if self._last is None:
            self._early.append(packet)
        else:
            with named_errors(self._path):
                self.container.mux(packet)

    def add(self, frame: Frame) -> None:
        """Encode a frame; all have one size."""
        with named_errors(self._path):
            self._add(frame)

    def _add(self, frame: Frame) -> None:
        if self._last is None:
            self._set_up(frame)
            self.container.mux(self._early)
            self._early.clear()
        picture = self._picture(frame.image)
        ticks = round(frame.time / self._base)
        if self._last is not None:
            ticks = max(ticks, self._last + 1)
        self._last = picture.pts = ticks
        picture.time_base = self._base
        picture.duration = round(frame.duration / self._base)
        self.container.mux(self.stream.encode(picture))

    def finish(self) -> None:
        """Encode what the encoder holds back."""
        if self._last is not None:
            self.container.mux(self.stream.encode(None))

    def _set_up(self, frame: Frame) -> None:
        """Tell the encoder what it needs to know before the first frame."""
        source, (height, width) = self._reader.video, frame.image.shape[:2]
        if self.encoder.even and (height % 2 or width % 2):
            self.notes.append(
                f'{self.encoder.name} needs even sizes: {width}x{height} is padded by '
                'repeating the last column or row'
            )
            height, width = height + height % 2, width + width % 2
        context = self.stream.codec_context
        context.width, context.height = width, height
        context.time_base = self._base
        if frame.image.ndim == 2:
            context.pix_fmt = GREY[frame.image.dtype.name]
        else:
            context.pix_fmt = pixel_format(self.encoder, source.codec_context.format)
            marked = source.codec_context.colorspace
            context.colorspace = marked if marked in SPACES else UNMARKED
            context.color_range = source.codec_context.color_range
        shape = source.sample_aspect_ratio  # of a pixel, width over height
        if shape:
            context.sample_aspect_ratio = 1 / shape if frame.is_turned else shape
        if self.container.format.name == 'avi':
            context.max_b_frames = 0  # AVI holds one time per frame, of its decoding
        if not self.encoder.constant_quality:
            rate = float(height * width * self._reader.rate) * BITS_PER_PIXEL
            known = source.bit_rate or self._reader.container.bit_rate or 0
            context.bit_rate = context.bit_rate_tolerance = max(known, round(rate))

    def _picture(self, image: np.ndarray) -> Any:
        av, context = load_av(), self.stream.codec_context
        if image.ndim == 2:
            return av.VideoFrame.from_ndarray(image, format=context.pix_fmt)
        lacking = context.height - image.shape[0], context.width - image.shape[1]
        if any(lacking):
            image = cv2.copyMakeBorder(
                image, 0, lacking[0], 0, lacking[1], cv2.BORDER_REPLICATE
            )
        spaces = av.video.reformatter.Colorspace
        is_709 = context.colorspace == BT709
        return av.VideoFrame.from_ndarray(image, format='rgb24').reformat(
            format=context.pix_fmt,
            dst_colorspace=spaces.ITU709 if is_709 else spaces.ITU601,
            dst_color_range=context.color_range,
        )
