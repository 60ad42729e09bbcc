"""Strides and dilations of stages, blocks and heads at an output stride."""

from collections.abc import Sequence
from fractions import Fraction

OUTPUT_STRIDES = (8, 16, 32)
STAGE_STRIDES = {8: (1, 2, 1, 1), 16: (1, 2, 2, 1), 32: (1, 2, 2, 2)}
STAGE_DILATIONS = {8: (1, 1, 2, 4), 16: (1, 1, 1, 2), 32: (1, 1, 1, 1)}


def check_output_stride(output_stride: int) -> int:
    """Return ``output_stride`` if it is one that every backbone offers."""
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(
            f'output_stride must be 8, 16 or 32, received {output_stride!r}'
        )
    return output_stride


def stage_geometry(output_stride: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the strides and the dilations of the four stages after the stem.

    A stage that no longer strides dilates instead, by the product of the strides
    removed so far (`DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 3.1).
    The stem has stride 4.
    """
    check_output_stride(output_stride)
    return STAGE_STRIDES[output_stride], STAGE_DILATIONS[output_stride]


def block_geometry(strides: Sequence[int], output_stride: int) -> list[tuple[int, int]]:
    """Return stride and dilation of every block, by the rule of TF's DeepLab.

    Once the features have reached ``output_stride``, a block's stride becomes 1 and
    multiplies the rate of the blocks **after** it; the block itself keeps the rate
    reached before (``stack_blocks_dense`` of ``research/deeplab/core/xception.py`` and
    ``mobilenet_base`` of ``research/slim/nets/mobilenet/mobilenet.py``). So a dilated
    network equals the strided one wherever both have a value.
    """
    check_output_stride(output_stride)
    reached, rate, geometry = 2, 1, []  # the stem has stride 2
    for stride in strides:
        if reached == output_stride:
            geometry.append((1, rate))
            rate *= stride
        else:
            geometry.append((stride, 1))
            reached *= stride
    return geometry


def scaled_rates(
    rates: Sequence[int], growth: Fraction, *, owner: str
) -> tuple[int, ...]:
    """Return rates that cover the same piece of the image on another grid.

    ``growth`` is the size of the new grid over that of the old one. A rate without a
    whole value there is a ValueError, which names ``owner``.
    """
    for rate in rates:
        if (rate * growth).denominator != 1:
            raise ValueError(
                f'rate {rate} of {owner} has no whole value at this output stride '
                f'({rate} x {growth}): choose another stride, or set its rates yourself'
            )
    return tuple(int(rate * growth) for rate in rates)
