"""Whether a video ends where its header says, or is truncated."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

# Seconds that may lack at the end of a whole file: containers round durations.
TOLERANCE = 0.5
MICROSECOND = Fraction(1, 1_000_000)  # AV_TIME_BASE of FFmpeg's avutil.h


def promised_end(container: Any, streams: Sequence[Any]) -> Fraction | None:
    """Return when picture and sound end, as the header says; None if it does not.

    The duration of the whole file counts only where there is nothing else in it:
    subtitles may last longer.

    Args:
        container: Opened by PyAV for reading.
        streams: Of picture and sound.

    Returns:
        Seconds.
    """
    ends = [
        ((stream.start_time or 0) + stream.duration) * stream.time_base
        for stream in streams
        if stream.duration
    ]
    if len(ends) == len(streams):
        return max(ends)
    others = *container.streams.subtitles, *container.streams.data
    if others or not container.duration:
        return None
    return ((container.start_time or 0) + container.duration) * MICROSECOND


class VideoEnd:
    """How far the packets of a file have reached."""

    def __init__(self) -> None:
        self._end = self._longest = Fraction(0)
        self._is_cut = False

    def note(self, packet: Any) -> None:
        """Take a packet into account.

        Args:
            packet: Of picture or sound, as PyAV gives it.
        """
        if packet.size:
            self._is_cut = packet.is_corrupt
        if packet.pts is None:
            return
        end = (packet.pts + (packet.duration or 0)) * Fraction(packet.time_base)
        if self._end:
            self._longest = max(self._longest, end - self._end)
        self._end = max(self._end, end)

    def check(self, path: str, container: Any, streams: Sequence[Any]) -> None:
        """Refuse a file that ends within a packet, or before what its header says.

        What lacks may be twice the longest step between two packets: a last picture
        may be shown for long. A transport stream has no header, and may be a recording
        that ends anywhere.

        Args:
            path: Of the file, for the message.
            container: Opened by PyAV for reading.
            streams: Of picture and sound.

        Raises:
            ValueError: If it is truncated.
        """
        promised = promised_end(container, streams)
        lacking = 0 if promised is None else promised - self._end
        is_cut = self._is_cut and container.format.name != 'mpegts'
        if is_cut or lacking > max(TOLERANCE, 2 * self._longest):
            whole = '' if is_cut else f' instead of {float(promised):.2f} s'
            raise ValueError(
                f'{path}: is truncated: it ends at {float(self._end):.2f} s{whole}. '
                'Remedy: copy, download or export it again'
            )
