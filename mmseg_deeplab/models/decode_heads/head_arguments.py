"""Checks of what users give to decode heads."""

from collections.abc import Sequence

FROZEN_BN = ('none', 'affine', 'all')


def check_num_classes(num_classes: int) -> None:
    """Refuse a number of classes that no head can have.

    Raises:
        ValueError: If it is not a positive integer.
    """
    if not isinstance(num_classes, int) or num_classes < 1:
        raise ValueError(
            'num_classes must be a positive integer (set decode_head.num_classes in '
            f'the leaf config), received {num_classes!r}'
        )


def check_dilations(dilations: Sequence[int]) -> None:
    """Refuse rates that no convolution can have.

    Raises:
        ValueError: If there are none, or one is below 1.
    """
    if not dilations or any(rate < 1 for rate in dilations):
        raise ValueError(f'dilations must hold rates >= 1, received {tuple(dilations)}')


def check_frozen_bn(frozen_bn: str) -> None:
    """Refuse another word than the three ways to freeze BatchNorm.

    Raises:
        ValueError: If it is none of them.
    """
    if frozen_bn not in FROZEN_BN:
        raise ValueError(
            f'frozen_bn must be one of {FROZEN_BN}, received {frozen_bn!r}'
        )
