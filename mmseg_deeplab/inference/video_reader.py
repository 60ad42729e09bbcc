"""Frames of a video as upright RGB images with their times, one after the other."""

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from mmseg_deeplab.utils.optional_packages import optional_package

from .video_end import VideoEnd, promised_end

# Where the file does not say it.
DEFAULT_RATE = Fraction(25)


def load_av() -> Any:
    """Import PyAV.

    Raises:
        ImportError: If it is not installed, with the remedy.
    """
    return optional_package('av', extra='images', purpose='a video')


@dataclass(frozen=True)
class Frame:
    """One picture.

    Args:
        image: RGB, ``(H, W, 3)`` uint8, upright.
        time: When it is shown, s.
        duration: How long, s; 0 if the file does not say.
        is_turned: Whether the file stores its columns as rows.
    """

    image: np.ndarray
    time: Fraction
    duration: Fraction
    is_turned: bool = False


@contextmanager
def open_video(path: str | os.PathLike) -> Iterator['VideoReader']:
    """Open a video file.

    Args:
        path: Of any format that FFmpeg reads.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no video.
        ImportError: If PyAV is missing.
    """
    av = load_av()
    path = os.fspath(path)
    if not os.path.exists(path):
        raise FileNotFoundError(f'{path}: no such file. Remedy: check the path')
    try:
        container = av.open(path)
    except (av.error.FFmpegError, OSError) as error:
        raise ValueError(
            f'{path}: not a readable video ({error.strerror or error}; '
            f'{os.path.getsize(path)} bytes); it may be truncated. Remedy: copy, '
            'download or export it again'
        ) from error
    with container:
        yield VideoReader(path, container)


class VideoReader:
    """Yields the frames of a file's first video, and the packets of its sound.

    Args:
        path: Of the file, for messages.
        container: Opened by PyAV.

    Raises:
        ValueError: If there is no video in it, or none that can be decoded.
    """

    def __init__(self, path: str, container: Any) -> None:
        self.path = path
        self.container = container
        cover = load_av().stream.Disposition.attached_pic
        videos = [s for s in container.streams.video if not s.disposition & cover]
        if not videos or videos[0].codec_context is None:
            kinds = ', '.join(stream.type for stream in container.streams) or 'nothing'
            raise ValueError(
                f'{path}: holds no video that can be decoded, but {kinds}. Remedy: '
                'leave it out, or convert it with ffmpeg'
            )
        self.video = videos[0]
        self.video.thread_type = 'AUTO'
        self.sound = list(container.streams.audio)
        self._fault = ''
        # AVI holds times of decoding: those of the packets in order are those of the
        # frames in order.
        self._times = deque() if container.format.name == 'avi' else None

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec."""
        return self.video.codec_context.codec.canonical_name

    @property
    def rate(self) -> Fraction:
        """Frames per second, on the average."""
        return Fraction(
            self.video.average_rate or self.video.guessed_rate or DEFAULT_RATE
        )

    @property
    def num_frames(self) -> int | None:
        """How many frames there are, perhaps estimated; None if nothing is known."""
        if self.video.frames:
            return self.video.frames
        end = promised_end(self.container, [self.video, *self.sound])
        return None if end is None else max(1, round(end * self.rate))

    def __iter__(self) -> Iterator[Any]:
        """Yield every frame as :class:`Frame`, every packet of sound as it is.

        Raises:
            ValueError: If the file ends too early, cannot be decoded, or changes its
                size.
        """
        size, last, end = None, None, VideoEnd()
        for item in self._decoded(end):
            if not isinstance(item, load_av().VideoFrame):
                yield item
                continue
            frame = self._frame(item, last)
            size = size or frame.image.shape
            self._check_size(frame, size)
            last = frame.time
            yield frame
        end.check(self.path, self.container, [self.video, *self.sound])
        if last is None:
            raise ValueError(
                f'{self.path}: holds no frame that can be decoded{self._fault}'
            )

    def _check_size(self, frame: Frame, size: tuple[int, ...]) -> None:
        if frame.image.shape != size:
            raise ValueError(
                f'{self.path}: the frame at {float(frame.time):.2f} s has another '
                f'size, {frame.image.shape[:2]} instead of {size[:2]}. Remedy: cut the '
                'video there, or scale it with ffmpeg'
            )

    def _decoded(self, end: VideoEnd) -> Iterator[Any]:
        """Yield frames and packets of sound as PyAV gives them."""
        av, place = load_av(), 'the beginning'
        try:
            for packet in self.container.demux(self.video, *self.sound):
                end.note(packet)
                if packet.stream is not self.video:
                    if packet.dts is not None:  # else the mark of the end
                        yield packet
                    continue
                if packet.size and self._times is not None:
                    self._times.append(packet.dts)
                for frame in self._frames(packet, first=place == 'the beginning'):
                    place = f'{frame.time or 0:.2f} s'
                    yield frame
        except (av.error.FFmpegError, OSError) as error:
            raise ValueError(
                f'{self.path}: cannot be decoded after {place} ({error}); the file is '
                'damaged or truncated. Remedy: copy, download or export it again'
            ) from error

    def _frames(self, packet: Any, *, first: bool) -> list[Any]:
        """Decode a packet; before the first whole frame, one may lack its beginning."""
        try:
            return packet.decode()
        except load_av().error.InvalidDataError as error:
            if not first:
                raise
            self._fault = f' ({error})'
            return []

    def _frame(self, frame: Any, last: Fraction | None) -> Frame:
        ticks = frame.pts if frame.pts is not None else frame.dts
        if self._times is not None:
            ticks = self._times.popleft() if self._times else None
        if ticks is not None:
            time = ticks * Fraction(frame.time_base or self.video.time_base)
        else:
            time = Fraction(0) if last is None else last + 1 / self.rate
        # The display matrix turns counterclockwise, as `rot90` does.
        turns = round(frame.rotation / 90)
        image = np.rot90(frame.to_ndarray(format='rgb24'), turns)
        return Frame(
            image=np.ascontiguousarray(image),
            time=time,
            duration=(frame.duration or 0) * self.video.time_base,
            is_turned=turns % 2 == 1,
        )
