"""Read the frames of a video, and write a video with the same times and sound."""

import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmengine.logging import print_log

from mmseg_deeplab.utils.atomic_files import streamed_file
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.optional_packages import optional_package

VIDEO_SUFFIXES = (
    '.3gp', '.asf', '.avi', '.flv', '.m2ts', '.m4v', '.mkv', '.mov', '.mp4', '.mpeg',
    '.mpg', '.mts', '.ts', '.webm', '.wmv',
)  # fmt: skip
# FFmpeg's names of the formats with these suffixes, by content. It has others, such as
# lists of files and addresses, which it would open.
ONLY_VIDEOS = dict(
    format_whitelist='mov,mp4,m4a,3gp,3g2,mj2,asf,avi,flv,matroska,webm,mpeg,mpegts',
    protocol_whitelist='file',
)
# Kinds of files that are written -> FFmpeg's names of them.
CONTAINERS = {'.mp4': 'mp4', '.mov': 'mov', '.mkv': 'matroska'}
DEFAULT_RATE = Fraction(25)  # where the file does not name its frame rate
BT709, LIMITED_RANGE = 1, 1  # AVCOL_SPC_BT709, AVCOL_RANGE_MPEG of FFmpeg's pixfmt.h
MICROSECOND = Fraction(1, 1_000_000)  # AV_TIME_BASE of FFmpeg's avutil.h
# Seconds that may lack at the end of a whole file: containers round durations.
TOLERANCE = 0.5


def load_av() -> Any:
    """Import PyAV, or raise an ImportError with the remedy."""
    return optional_package('av', extra='images', purpose='a video')


@dataclass(frozen=True)
class Frame:
    """One frame of a video, upright."""

    image: np.ndarray  # RGB, (H, W, 3) uint8
    time: Fraction  # when it is shown, s
    duration: Fraction  # how long it is shown, s; 0 if the file does not say
    is_turned: bool = False  # whether the file stores its columns as rows


@contextmanager
def open_video(path: str | os.PathLike) -> Iterator['VideoReader']:
    """Open a video of a format in ONLY_VIDEOS; InputError if it is none."""
    av = load_av()
    path = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path}: no such file. Remedy: check the path')
    try:
        container = av.open(path, options=ONLY_VIDEOS)
    except (av.error.FFmpegError, OSError) as error:
        raise InputError(
            f'{path}: not a readable video ({error.strerror or error}; '
            f'{os.path.getsize(path)} bytes); it may be truncated. Remedy: copy, '
            'download or export it again'
        ) from error
    with container:
        yield VideoReader(path, container)


class VideoReader:
    """Yields the frames of a file's first video, and the packets of its sound."""

    def __init__(self, path: str, container: Any) -> None:
        self.path = path
        self.container = container
        cover = load_av().stream.Disposition.attached_pic
        videos = [s for s in container.streams.video if not s.disposition & cover]
        if not videos or videos[0].codec_context is None:
            kinds = ', '.join(stream.type for stream in container.streams) or 'nothing'
            raise InputError(
                f'{path}: holds no video that can be decoded, but {kinds}. Remedy: '
                'leave it out, or convert it with ffmpeg'
            )
        self.video = videos[0]
        self.video.thread_type = 'AUTO'
        self.sound = list(container.streams.audio)
        self.rate = Fraction(
            self.video.average_rate or self.video.guessed_rate or DEFAULT_RATE
        )
        # AVI holds times of decoding: those of the packets in order are those of the
        # frames in order.
        self._times = deque() if container.format.name == 'avi' else None

    def __iter__(self) -> Iterator[Any]:
        """Yield every frame as :class:`Frame`, every packet of sound as it is."""
        av, last = load_av(), None
        try:
            for item in self._decoded():
                if isinstance(item, av.VideoFrame):
                    item = self._frame(item, last)
                    if last is not None and item.image.shape != last.image.shape:
                        raise InputError(
                            f'{self.path}: the frame at {float(item.time):.2f} s has '
                            f'the size {item.image.shape[:2]} instead of '
                            f'{last.image.shape[:2]}. Remedy: cut the video there, or '
                            'scale it with ffmpeg'
                        )
                    last = item
                yield item
        except (av.error.FFmpegError, OSError) as error:
            place = 'the beginning' if last is None else f'{float(last.time):.2f} s'
            raise InputError(
                f'{self.path}: cannot be decoded after {place} ({error}); the file is '
                'damaged or truncated. Remedy: copy, download or export it again'
            ) from error
        if last is None:
            raise InputError(f'{self.path}: holds no frame that can be decoded')

    def _decoded(self) -> Iterator[Any]:
        """Yield frames and packets of sound as PyAV gives them; check their end."""
        has_frames, end, longest, is_cut = False, Fraction(0), Fraction(0), False
        # A transport stream may be a recording that ends anywhere.
        may_end_anywhere = self.container.format.name == 'mpegts'
        for packet in self.container.demux(self.video, *self.sound):
            if packet.size:
                is_cut = packet.is_corrupt and not may_end_anywhere
            if packet.pts is not None:
                reached = (packet.pts + (packet.duration or 0)) * packet.time_base
                longest = max(longest, reached - end if end else 0)
                end = max(end, reached)
            if packet.stream is not self.video:
                if packet.dts is not None:  # else it marks the end
                    yield packet
                continue
            if packet.size and self._times is not None:
                self._times.append(packet.dts)
            try:
                frames = packet.decode()
            except load_av().error.InvalidDataError:
                if has_frames:
                    raise
                frames = []  # the first frames may lack what they refer to
            has_frames = has_frames or bool(frames)
            yield from frames
        # The last frame may be shown for long.
        if is_cut or self._promised_end() - end > max(TOLERANCE, 2 * longest):
            raise InputError(
                f'{self.path}: is truncated: it ends at {float(end):.2f} s. Remedy: '
                'copy, download or export it again'
            )

    def _promised_end(self) -> Fraction:
        """Return when frames and sound end by the header, s; 0 if it does not say."""
        streams = [self.video, *self.sound]
        if all(stream.duration for stream in streams):
            return max(
                ((stream.start_time or 0) + stream.duration) * stream.time_base
                for stream in streams
            )
        container = self.container
        # The duration of the file is also that of subtitles, which may last longer.
        if len(streams) < len(container.streams) or not container.duration:
            return Fraction(0)
        # Matroska's duration is the time of the end.
        begins = 'matroska' not in container.format.name and container.start_time
        return ((begins or 0) + container.duration) * MICROSECOND

    def _frame(self, frame: Any, last: Frame | None) -> Frame:
        ticks = frame.pts if frame.pts is not None else frame.dts
        if self._times is not None:
            ticks = self._times.popleft() if self._times else None
        if ticks is not None:
            time = ticks * Fraction(frame.time_base or self.video.time_base)
        else:
            time = Fraction(0) if last is None else last.time + 1 / self.rate
        # The display matrix turns counterclockwise, as `rot90` does.
        turns = round(frame.rotation / 90)
        image = np.rot90(frame.to_ndarray(format='rgb24'), turns)
        return Frame(
            image=np.ascontiguousarray(image),
            time=time,
            duration=(frame.duration or 0) * self.video.time_base,
            is_turned=turns % 2 == 1,
        )


@contextmanager
def create_video(
    path: str | os.PathLike, reader: VideoReader, *, codec: str = 'libx264'
) -> Iterator['VideoWriter']:
    """Create a video with the times of the source; it appears when it is whole.

    ``'libx264'`` takes RGB frames and copies the sound; ``'ffv1'``, lossless, grey
    ones.
    """
    av, container_format = load_av(), CONTAINERS[Path(path).suffix.lower()]
    try:
        with (
            streamed_file(path) as part,
            av.open(str(part), 'w', format=container_format) as container,
        ):
            writer = VideoWriter(path, container, reader, codec)
            yield writer
            writer.finish()
    except av.error.FFmpegError as error:
        raise InputError(
            f'{path}: cannot be written ({error}). Remedy: free space on the disk, or '
            'another kind of file, such as .mkv'
        ) from error


class VideoWriter:
    """Takes frames and packets of sound in the order of the source."""

    def __init__(
        self, path: str | os.PathLike, container: Any, reader: VideoReader, codec: str
    ) -> None:
        self._path, self._container, self._reader = path, container, reader
        self._stream = container.add_stream(codec, rate=reader.rate)
        self._sound: dict[int, Any] = {}
        self._early_sound: list[Any] = []  # before the first frame
        self._last: int | None = None
        for stream in reader.sound if codec == 'libx264' else ():
            try:
                copy = container.add_stream_from_template(stream)
            except (ValueError, load_av().error.FFmpegError) as error:
                self._warn(f'without the sound {stream.codec.name} ({error})')
            else:
                self._sound[stream.index] = copy

    def add_sound(self, packet: Any) -> None:
        copy = self._sound.get(packet.stream.index)
        if copy is None:
            return
        packet.stream = copy
        # The file's header is written with the first packet, frame size included.
        if self._last is None:
            self._early_sound.append(packet)
        else:
            self._container.mux(packet)

    def add(self, frame: Frame, image: np.ndarray) -> None:
        """Encode RGB, or grey of uint8 or uint16, at the time of a frame."""
        context = self._stream.codec_context
        if self._last is None:
            self._set_up(frame, image)
            self._container.mux(self._early_sound)
        ticks = round(frame.time / context.time_base)
        self._last = ticks if self._last is None else max(ticks, self._last + 1)
        encoded = self._video_frame(image)
        encoded.pts, encoded.time_base = self._last, context.time_base
        encoded.duration = round(frame.duration / context.time_base)
        self._container.mux(self._stream.encode(encoded))

    def finish(self) -> None:
        if self._last is not None:
            self._container.mux(self._stream.encode(None))

    def _set_up(self, frame: Frame, image: np.ndarray) -> None:
        """Tell the encoder what it needs to know before the first frame."""
        source, context = self._reader.video, self._stream.codec_context
        context.time_base = Fraction(source.time_base or 1 / self._reader.rate)
        context.height, context.width = image.shape[:2]
        if image.ndim == 2:
            context.pix_fmt = 'gray' if image.dtype == np.uint8 else 'gray16le'
        else:
            context.pix_fmt = 'yuv420p'
            context.colorspace, context.color_range = BT709, LIMITED_RANGE
            if context.height % 2 or context.width % 2:
                self._warn('H.264 needs even sizes: the last column or row is repeated')
                context.height += context.height % 2
                context.width += context.width % 2
        if shape := source.sample_aspect_ratio:  # of a pixel, width over height
            context.sample_aspect_ratio = 1 / shape if frame.is_turned else shape

    def _video_frame(self, image: np.ndarray) -> Any:
        av, context = load_av(), self._stream.codec_context
        if image.ndim == 2:
            return av.VideoFrame.from_ndarray(image, format=context.pix_fmt)
        bottom, right = context.height - image.shape[0], context.width - image.shape[1]
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        return av.VideoFrame.from_ndarray(image, format='rgb24').reformat(
            format=context.pix_fmt,
            dst_colorspace=av.video.reformatter.Colorspace.ITU709,
            dst_color_range=context.color_range,
        )

    def _warn(self, note: str) -> None:
        print_log(f'{self._path}: {note}', 'current', level=logging.WARNING)
