"""The Triton kernels of :mod:`.triton_upsample`, which alone imports this file.

An output pixel lies between input rows ``low`` and ``low + 1`` and likewise between
columns, ``low = -1 ... size - 1``; neighbours off the map are the nearest row or
column. Indices and weights come as tables (:class:`.triton_upsample.Axis`).
``tl.fma`` is spelled out so that every kernel rounds a logit to the same bits.
"""

# Annotations of kernel arguments are types to the compiler: only `constexpr` is used.

import triton
import triton.language as tl

# One compiled kernel serves all values of these.
SIZES = 'classes', 'in_height', 'in_width', 'height', 'width', 'ignore_index', 'window'


@triton.jit
def _lerp(low, high, weight):
    return tl.fma(weight, high - low, low)


@triton.jit
def _wide(row, left, right, weight, mask):
    """Return logits of one input row at output columns, in float32."""
    low = tl.load(row + left, mask=mask, other=0).to(tl.float32)
    high = tl.load(row + right, mask=mask, other=0).to(tl.float32)
    return _lerp(low, high, weight)


@triton.jit
def _logit(above, below, klass, area, left, right, weight, row_weight, mask):
    """Return logits of a class for a tile ``(R, C)`` of output rows and columns."""
    start = klass * area
    high = _wide(above + start, left, right, weight, mask)
    low = _wide(below + start, left, right, weight, mask)
    return _lerp(high[None, :], low[None, :], row_weight[:, None])


@triton.jit
def _tile_rows(row_chunks, row_weights, ROWS: tl.constexpr):
    """Return input row, output rows, which of these there are, their weights."""
    chunk = row_chunks + 3 * tl.program_id(1)
    y = tl.load(chunk + 1) + tl.arange(0, ROWS)
    inside = y < tl.load(chunk + 2)
    return tl.load(chunk), y, inside, tl.load(row_weights + y, mask=inside, other=0)


@triton.jit
def _tile_columns(column_lows, column_weights, in_width, width, COLUMNS: tl.constexpr):
    """Return output columns, which of these there are, left, right, weights."""
    x = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    inside = x < width
    low = tl.load(column_lows + x, mask=inside, other=0)
    weight = tl.load(column_weights + x, mask=inside, other=0)
    return x, inside, tl.maximum(low, 0), tl.minimum(low + 1, in_width - 1), weight


@triton.jit
def _softmax(
    above, below, area, left, right, weight, row_weight, mask, classes,
    UNROLL: tl.constexpr,
):  # fmt: skip
    """Return the largest logit and the sum of ``exp(logit - largest)`` of pixels."""
    best = _logit(above, below, 0, area, left, right, weight, row_weight, mask)
    total = tl.zeros_like(best) + 1
    for start in range(1, classes, UNROLL):
        for i in tl.static_range(UNROLL):
            klass = tl.minimum(start + i, classes - 1)
            logit = _logit(
                above, below, klass, area, left, right, weight, row_weight, mask
            )
            logit = tl.where(start + i < classes, logit, float('-inf'))
            # One exponential for both cases: of the smaller against the larger.
            gap = logit - best
            small = tl.exp(-tl.abs(gap))
            total = tl.where(gap > 0, tl.fma(total, small, 1.0), total + small)
            best = tl.maximum(best, logit)
    return best, total


@triton.jit
def _store_sum(place, values):
    tl.store(place, tl.sum(tl.sum(values.to(tl.float32), 1), 0))


@triton.jit(do_not_specialize=SIZES[:6])
def softmax_kernel(
    logits, target, class_weight, largest, factor, sums, row_chunks, row_weights,
    column_lows, column_weights, classes, in_height, in_width, height, width,
    ignore_index, WEIGHTED: tl.constexpr, KEEP: tl.constexpr, ROWS: tl.constexpr,
    COLUMNS: tl.constexpr, UNROLL: tl.constexpr,
):  # fmt: skip
    """Softmax of a tile of output pixels: its four sums and, with KEEP, two maps.

    ``largest`` is the largest logit of a pixel, ``factor`` its weight over the sum of
    ``exp(logit - largest)``, which give the gradient of the loss; one map of
    log-sum-exp would lose the digits of probabilities where logits are large.
    """
    image = tl.program_id(2).to(tl.int64)
    row, y, y_inside, row_weight = _tile_rows(row_chunks, row_weights, ROWS)
    x, x_inside, left, right, weight = _tile_columns(
        column_lows, column_weights, in_width, width, COLUMNS
    )
    area = tl.full((), in_height, tl.int64) * in_width
    logits += image * classes * area
    above = logits + tl.maximum(row, 0) * in_width
    below = logits + tl.minimum(row + 1, in_height - 1) * in_width

    best, total = _softmax(
        above, below, area, left, right, weight, row_weight, x_inside, classes, UNROLL
    )

    inside = y_inside[:, None] & x_inside[None, :]
    pixel = (image * height + y[:, None]) * width + x[None, :]
    label = tl.load(target + pixel, mask=inside, other=0)
    labelled = inside & (label != ignore_index)
    label = tl.where(labelled, label, 0)
    pixel_weight = labelled.to(tl.float32)
    if WEIGHTED:
        pixel_weight *= tl.load(class_weight + label)
    above += label * area
    below += label * area
    left, right, weight = left[None, :], right[None, :], weight[None, :]
    high = _wide(above, left, right, weight, inside)
    low = _wide(below, left, right, weight, inside)
    own = _lerp(high, low, row_weight[:, None])
    loss = (tl.log(total) - (own - best)) * pixel_weight
    if KEEP:
        tl.store(largest + pixel, best, mask=inside)
        tl.store(factor + pixel, pixel_weight / total, mask=inside)
    program = (image * tl.num_programs(1) + tl.program_id(1)) * tl.num_programs(0)
    sums += 4 * (program + tl.program_id(0))
    _store_sum(sums, tl.where(inside, loss, 0.0))
    _store_sum(sums + 1, pixel_weight)
    _store_sum(sums + 2, labelled & (own >= best))
    _store_sum(sums + 3, labelled)


@triton.jit
def _borders(starts, place, mask):
    """Return where the outputs before, between and after two neighbours begin."""
    first = tl.load(starts + place, mask=mask, other=0)
    middle = tl.load(starts + place + 1, mask=mask, other=0)
    return first, middle, tl.load(starts + place + 2, mask=mask, other=0)


@triton.jit
def _three_rows(planes, row, in_height, in_width):
    """Return the rows above, at and below ``row``."""
    above = planes + tl.maximum(row - 1, 0) * in_width
    below = planes + tl.minimum(row + 1, in_height - 1) * in_width
    return above, planes + row * in_width, below


@triton.jit
def _add_cell(
    gradient, above, below, UPPER: tl.constexpr, first, last, pixel, width, inside,
    target, largest, factor, row_weights, klass, own_weight, ignore_index,
):  # fmt: skip
    """Add what output rows ``first ... last - 1`` give to one of their two rows."""
    for y in range(first, last):
        row_weight = tl.load(row_weights + y)
        here = pixel + y * width
        peak = tl.load(largest + here, mask=inside, other=0)
        scale = tl.load(factor + here, mask=inside, other=0)
        label = tl.load(target + here, mask=inside, other=ignore_index)
        label = tl.where(label == ignore_index, -1, label).to(tl.int32)
        logit = _lerp(above, below, row_weight)
        share = tl.exp(logit - peak) * scale
        share -= tl.where(label == klass, own_weight, 0.0)
        gradient = tl.fma(row_weight if UPPER else 1 - row_weight, share, gradient)
    return gradient


@triton.jit(do_not_specialize=SIZES)
def gradient_kernel(
    logits, target, class_weight, largest, factor, gradient, row_starts, row_weights,
    column_starts, column_weights, classes, in_height, in_width, height, width,
    ignore_index, window, WEIGHTED: tl.constexpr, CLASSES: tl.constexpr,
    COLUMNS: tl.constexpr, REACH: tl.constexpr,
):  # fmt: skip
    """Gradient of the loss's sum for one row, some columns and some classes.

    Gathered from all output pixels that a low-resolution pixel takes part in: each
    result is written once, by one program, in a fixed order.
    """
    # Pixels along the first axis of each tile, classes along the second: what is read
    # per pixel and per logit then lies in the same threads.
    blocks = tl.cdiv(classes, CLASSES)
    image = (tl.program_id(2) // blocks).to(tl.int64)
    row = tl.program_id(1)
    klass = (tl.program_id(2) % blocks) * CLASSES + tl.arange(0, CLASSES)[None, :]
    known = klass < classes
    own_weight = known.to(tl.float32)
    if WEIGHTED:
        own_weight *= tl.load(class_weight + klass, mask=known, other=0)
    lane = tl.arange(0, COLUMNS * REACH)[:, None]
    column = tl.program_id(0) * COLUMNS + lane // REACH
    in_map = column < in_width
    first, middle, last = _borders(column_starts, column, in_map)
    above_first, below_first, below_last = _borders(row_starts, row, row >= 0)
    area = tl.full((), in_height, tl.int64) * in_width
    planes = logits + (image * classes + klass) * area
    upper_row, this_row, lower_row = _three_rows(planes, row, in_height, in_width)
    full_width = tl.full((), width, tl.int64)
    total = tl.zeros((COLUMNS * REACH, CLASSES), tl.float32)
    for offset in range(0, window, REACH):
        x = first + offset + lane % REACH
        inside = x < last
        weight = tl.load(column_weights + x, mask=inside, other=0)
        is_right = x < middle  # the pixel lies left of this column
        low = tl.where(is_right, column - 1, column)
        left = tl.maximum(low, 0)
        right = tl.minimum(low + 1, in_width - 1)
        mask = inside & known
        upper = _wide(upper_row, left, right, weight, mask)
        this = _wide(this_row, left, right, weight, mask)
        pixel = image * height * full_width + x
        part = tl.zeros_like(total)
        part = _add_cell(
            part, upper, this, True, above_first, below_first, pixel, full_width,
            inside, target, largest, factor, row_weights, klass, own_weight,
            ignore_index,
        )  # fmt: skip
        lower = _wide(lower_row, left, right, weight, mask)
        part = _add_cell(
            part, this, lower, False, below_first, below_last, pixel, full_width,
            inside, target, largest, factor, row_weights, klass, own_weight,
            ignore_index,
        )  # fmt: skip
        total = tl.fma(part, tl.where(is_right, weight, 1 - weight), total)
    total = tl.sum(tl.reshape(total, (COLUMNS, REACH, CLASSES)), 1)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)[:, None]
    place = ((image * classes + klass) * in_height + row) * in_width + column
    tl.store(gradient + place, total, mask=known & (column < in_width))


@triton.jit(do_not_specialize=SIZES[:5])
def argmax_kernel(
    logits, labels, row_chunks, row_weights, column_lows, column_weights, classes,
    in_height, in_width, height, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
    UNROLL: tl.constexpr,
):  # fmt: skip
    """The lowest class of the largest logit, for a tile of output pixels."""
    image = tl.program_id(2).to(tl.int64)
    row, y, y_inside, row_weight = _tile_rows(row_chunks, row_weights, ROWS)
    x, x_inside, left, right, weight = _tile_columns(
        column_lows, column_weights, in_width, width, COLUMNS
    )
    area = tl.full((), in_height, tl.int64) * in_width
    logits += image * classes * area
    above = logits + tl.maximum(row, 0) * in_width
    below = logits + tl.minimum(row + 1, in_height - 1) * in_width

    best = _logit(above, below, 0, area, left, right, weight, row_weight, x_inside)
    label = tl.zeros((ROWS, COLUMNS), tl.int32)
    for start in range(1, classes, UNROLL):
        for i in tl.static_range(UNROLL):
            # Past the last class that class is read again, and never larger.
            klass = tl.minimum(start + i, classes - 1)
            logit = _logit(
                above, below, klass, area, left, right, weight, row_weight, x_inside
            )
            larger = logit > best
            label = tl.where(larger, klass, label)
            best = tl.where(larger, logit, best)

    pixel = (image * height + y[:, None]) * width + x[None, :]
    inside = y_inside[:, None] & x_inside[None, :]
    tl.store(labels + pixel, label.to(tl.int64), mask=inside)
