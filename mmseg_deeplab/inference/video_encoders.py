"""Which encoder continues a video's codec, and how it is set."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from .video_reader import load_av

# Which of FFmpeg's multiplexers writes which kind of file.
CONTAINERS = {
    '.3gp': '3gp',
    '.asf': 'asf',
    '.avi': 'avi',
    '.flv': 'flv',
    '.m2ts': 'mpegts',
    '.m4v': 'mp4',
    '.mkv': 'matroska',
    '.mov': 'mov',
    '.mp4': 'mp4',
    '.mpeg': 'mpeg',
    '.mpg': 'mpeg',
    '.mts': 'mpegts',
    '.ts': 'mpegts',
    '.webm': 'webm',
    '.wmv': 'asf',
}
# Their multiplexers know no times, only a number of frames per second.
WITHOUT_TIMES = ('avi',)
# Their time base has a denominator of 16 bits at most (ISO/IEC 14496-2, 6.3.3, for
# MPEG-4); a multiple of the usual frame rates, those divided by 1.001 included.
SHORT_TIME_BASE = ('mpeg4', 'msmpeg4v2', 'msmpeg4v3')
SHORT = Fraction(1, 60000)
# Their frames come at one of a few fixed rates (ISO/IEC 13818-2, table 6-4).
FIXED_RATE = ('mpeg1video', 'mpeg2video')
# Bits per pixel where the encoder has no constant quality and the source has fewer;
# ten times what H.264 takes for a street scene, as these codecs are older.
BITS_PER_PIXEL = 0.2
FALLBACKS = ('h264', 'vp9', 'mpeg4', 'mpeg1video', 'wmv2', 'flv1')


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's encoders.

    Args:
        name: As FFmpeg calls it.
        options: Its settings.
        constant_quality: Whether it needs no bit rate.
        even: Whether it refuses odd sizes.
    """

    name: str
    options: dict[str, str] = field(default_factory=dict)
    constant_quality: bool = False
    even: bool = False


# Qualities are the encoders' own defaults, or where those are a bit rate (VP9, AV1)
# what their guides recommend; speeds are chosen so that the network takes longer.
ENCODERS = {
    'h264': Encoder('libx264', constant_quality=True, even=True),
    'hevc': Encoder(
        'libx265', {'x265-params': 'log-level=error'}, constant_quality=True, even=True
    ),
    'vp8': Encoder('libvpx', {'cpu-used': '4'}),
    'vp9': Encoder(
        'libvpx-vp9',
        {'crf': '31', 'cpu-used': '4', 'row-mt': '1'},
        constant_quality=True,
    ),
    'av1': Encoder(
        'libsvtav1', {'crf': '35', 'preset': '8'}, constant_quality=True, even=True
    ),
}


def add_video(
    container: Any, codec: str, *, rate: Fraction
) -> tuple[str, Encoder, Any]:
    """Add a stream of a codec, or of another one that the container can hold.

    Args:
        container: Opened by PyAV for writing.
        codec: FFmpeg's name, such as ``'h264'``.
        rate: Frames per second.

    Returns:
        The codec's name, its encoder, and PyAV's stream.

    Raises:
        ValueError: If this FFmpeg has no encoder for any of them.
    """
    for name in dict.fromkeys((codec, *FALLBACKS)):
        encoder = ENCODERS.get(name, Encoder(name))
        try:
            stream = container.add_stream(
                encoder.name, rate=rate, options=dict(encoder.options)
            )
        except ValueError:  # unknown to FFmpeg, or not for this kind of file
            continue
        return name, encoder, stream
    raise ValueError(
        f'the installed FFmpeg has no encoder for {container.format.name} files: take '
        'another kind of file, such as .mp4'
    )


def output_time_base(encoder: Encoder, muxer: str, reader: Any) -> Fraction:
    """Return the unit of the times: the source's wherever encoder and file allow it.

    Args:
        encoder: Of the result.
        muxer: FFmpeg's name of the kind of file.
        reader: The :class:`~mmseg_deeplab.inference.video_reader.VideoReader`.
    """
    if muxer in WITHOUT_TIMES or encoder.name in FIXED_RATE:
        return 1 / reader.rate
    base = Fraction(reader.video.time_base or 1 / reader.rate)
    if encoder.name in SHORT_TIME_BASE and base.denominator > SHORT.denominator:
        return SHORT
    return base


def pixel_format(encoder: Encoder, source: Any) -> str:
    """Return the source's pixel format if it has colours and the encoder knows it.

    Args:
        encoder: Of the result.
        source: PyAV's ``VideoFormat`` of the frames.
    """
    known = [
        form.name for form in load_av().Codec(encoder.name, 'w').video_formats or ()
    ]
    parts = source.components
    is_colour = len(parts) == 3 and not source.has_palette
    if is_colour and source.name in known:
        return source.name
    return 'yuv420p' if 'yuv420p' in known or not known else known[0]
