"""The encoding of protocol buffers: https://protobuf.dev/programming-guides/encoding.

The package ``protobuf`` would hold a model of 500 MB in memory three times, and needs
the message types of Caffe and TensorFlow, of which only four fields are used here.
"""

from collections.abc import Iterator

import numpy as np

from mmseg_deeplab.utils.errors import InputError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZE = {FIXED64: 8, FIXED32: 4}
# Fields of a message inside of another one; each takes 100 times its bytes in memory.
# Layers and entries have tens of them, a blob has one, as its numbers are packed.
MOST_FIELDS = 1000


def varint(data: memoryview, offset: int) -> tuple[int, int]:
    """Return the number at ``offset``, of up to 64 bits, and the offset after it."""
    value = shift = 0
    while shift < 64:
        if offset >= len(data):
            raise InputError(f'the data end within a number, at byte {offset}')
        byte = data[offset]
        value |= (byte & 0x7F) << shift
        offset, shift = offset + 1, shift + 7
        if byte < 0x80:
            return value, offset
    raise InputError(f'a number of more than 64 bits before byte {offset}')


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of every field: a number, or a view of its bytes.

    Raises ValueError if the data end within a field or hold none.
    """
    offset = 0
    while offset < len(data):
        tag, offset = varint(data, offset)
        number, kind = tag >> 3, tag & 7
        if kind == VARINT:
            value, offset = varint(data, offset)
            yield number, value
            continue
        if kind == BYTES:
            size, offset = varint(data, offset)
        elif kind in FIXED_SIZE:
            size = FIXED_SIZE[kind]
        else:
            raise InputError(f'no field at byte {offset} (type {kind})')
        if number == 0 or offset + size > len(data):
            raise InputError(
                f'field {number} wants {size} bytes from byte {offset} on, '
                f'{len(data) - offset} are left'
            )
        yield number, data[offset : offset + size]
        offset += size


def message(
    data: memoryview, most: int = MOST_FIELDS
) -> dict[int, list[int | memoryview]]:
    if isinstance(data, int):
        raise InputError('a number where a message should be')
    found: dict[int, list[int | memoryview]] = {}
    for count, (number, value) in enumerate(fields(data)):
        if count == most:
            raise InputError(f'a message of more than {most} fields')
        found.setdefault(number, []).append(value)
    return found


def integers(values: list[int | memoryview]) -> list[int]:
    """Return the numbers of a repeated field, packed or one by one."""
    numbers = []
    for value in values:
        if isinstance(value, int):
            numbers.append(value)
            continue
        offset = 0
        while offset < len(value):
            number, offset = varint(value, offset)
            numbers.append(number)
            if len(numbers) > MOST_FIELDS:
                raise InputError(f'more than {MOST_FIELDS} numbers where few should be')
    return numbers


def reals(values: list[int | memoryview], dtype: str) -> np.ndarray:
    """Return the numbers of a repeated float or double field, packed or one by one."""
    if any(isinstance(value, int) for value in values):
        raise InputError('a field of whole numbers where an array of floats should be')
    return np.concatenate([np.frombuffer(value, dtype=dtype) for value in values])
