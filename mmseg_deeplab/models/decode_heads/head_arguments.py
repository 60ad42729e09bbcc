"""Checks of the arguments of decode heads."""

from collections.abc import Sequence

from mmseg_deeplab.utils.errors import InputError


def check_head(num_classes: int, dilations: Sequence[int]) -> None:
    """Refuse numbers of classes and rates that no head can have."""
    if not isinstance(num_classes, int) or num_classes < 1:
        raise InputError(
            'num_classes must be a positive integer (set decode_head.num_classes in '
            f'the leaf config), received {num_classes!r}'
        )
    if not dilations or any(rate < 1 for rate in dilations):
        raise InputError(f'dilations must hold rates >= 1, received {tuple(dilations)}')
