"""Output stride as one knob: the strides and dilations of four residual stages."""

STAGE_STRIDES = {8: (1, 2, 1, 1), 16: (1, 2, 2, 1), 32: (1, 2, 2, 2)}
STAGE_DILATIONS = {8: (1, 1, 2, 4), 16: (1, 1, 1, 2), 32: (1, 1, 1, 1)}


def stage_geometry(output_stride: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the strides and the dilations of the four stages after the stem.

    A stage that no longer strides dilates instead, by the product of the strides
    removed so far (`DeepLab v2 <https://arxiv.org/abs/1606.00915>`_, section 3.1).
    The stem has stride 4.

    Args:
        output_stride: Input size over feature size.

    Raises:
        ValueError: If ``output_stride`` is not 8, 16 or 32.
    """
    if output_stride not in STAGE_STRIDES:
        raise ValueError(
            f'output_stride must be 8, 16 or 32, received {output_stride!r}'
        )
    return STAGE_STRIDES[output_stride], STAGE_DILATIONS[output_stride]
