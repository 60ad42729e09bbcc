"""What the page accepts."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How large a file, an image and the queue may be.

    The defaults take the pictures of a phone (12 megapixels, some 5 MB).

    Args:
        megabytes: Of a file, 10^6 bytes each.
        megapixels: Of an image, 10^6 pixels each.
        queue_size: How many jobs may wait for the device.

    Raises:
        ValueError: If one of them is not positive.
    """

    megabytes: float = 20.0
    megapixels: float = 16.0
    queue_size: int = 20

    def __post_init__(self) -> None:
        for option in ('megabytes', 'megapixels', 'queue_size'):
            if not getattr(self, option) > 0:
                raise ValueError(
                    f'{option} is a limit above 0, received {getattr(self, option)!r}'
                )

    @property
    def bytes(self) -> int:
        """Size of the largest file."""
        return round(self.megabytes * 1e6)

    @property
    def pixels(self) -> int:
        """Number of pixels of the largest image."""
        return round(self.megapixels * 1e6)
