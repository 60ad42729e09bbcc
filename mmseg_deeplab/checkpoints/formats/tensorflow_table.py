"""The sorted string table in which TensorFlow keeps the index of a checkpoint.

LevelDB's format (leveldb/doc/table_format.md): blocks of sorted keys with shared
beginnings cut off, a block that lists these blocks, and a footer that points at it.
"""

from collections.abc import Iterator

import numpy as np

from mmseg_deeplab.utils.errors import InputError

from .protobuf import varint

MAGIC = 0xDB4775248B80FB57.to_bytes(8, 'little')
FOOTER_SIZE = 48  # two block handles, padded to 40 bytes, and the magic number
TRAILER_SIZE = 5  # compression and checksum behind each block
# Castagnoli's polynomial, reflected (RFC 3720, appendix B.4).
POLYNOMIAL = np.uint32(0x82F63B78)
# TensorFlow and LevelDB store a rotated sum plus this (leveldb/util/crc32c.h).
MASK_DELTA = 0xA282EAD8
MAX_ROWS = 4096  # that are summed side by side
# Keys share their beginnings, so that a few bytes may mean a long one: the largest
# checkpoints have 10,000 names of up to 200 characters.
MOST_ENTRIES, LONGEST_KEY, MOST_BLOCKS = 20_000, 1024, 2000


def read_table(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield keys and values of a table, the whole file, in order."""
    if len(data) < FOOTER_SIZE or bytes(data[-8:]) != MAGIC:
        raise InputError('does not end as a table does: truncated, or another format')
    footer = data[-FOOTER_SIZE:]
    _, offset = _handle(footer, 0)  # of the meta index, which is empty
    index, _ = _handle(footer, offset)
    left, entries = len(data), 0
    for count, (_, place) in enumerate(_entries(_block(data, *index))):
        handle, _ = _handle(place, 0)
        left -= handle[1]
        if left < 0 or count == MOST_BLOCKS:
            raise InputError('damaged: its blocks have more bytes than the file')
        for entry in _entries(_block(data, *handle)):
            entries += 1
            if entries > MOST_ENTRIES:
                raise InputError(f'more than {MOST_ENTRIES} entries')
            yield entry


def _handle(data: memoryview, offset: int) -> tuple[tuple[int, int], int]:
    begin, offset = varint(data, offset)
    size, offset = varint(data, offset)
    return (begin, size), offset


def _block(data: memoryview, begin: int, size: int) -> memoryview:
    end = begin + size
    if end + TRAILER_SIZE > len(data):
        raise InputError(
            f'damaged: a block of {size} bytes from {begin} on, of {len(data)}'
        )
    stored = int.from_bytes(data[end + 1 : end + TRAILER_SIZE], 'little')
    if crc32c(data[begin : end + 1]) != unmask(stored):
        raise InputError(f'damaged: the block at byte {begin} has another checksum')
    if data[end] != 0:
        raise InputError(
            f'compressed (type {data[end]}), which TensorFlow does not do; save it '
            'again with tf.train.Saver'
        )
    return data[begin:end]


def _entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    restarts = int.from_bytes(block[-4:], 'little')
    end = len(block) - 4 * (restarts + 1)
    key, offset = b'', 0
    while offset < end:
        shared, offset = varint(block, offset)
        unshared, offset = varint(block, offset)
        size, offset = varint(block, offset)
        if shared + unshared > LONGEST_KEY:
            raise InputError(f'a name of more than {LONGEST_KEY} bytes')
        key = key[:shared] + bytes(block[offset : offset + unshared])
        offset += unshared
        yield key, block[offset : offset + size]
        offset += size


def _byte_table() -> np.ndarray:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = (table >> 1) ^ np.where(table & 1, POLYNOMIAL, np.uint32(0))
    return table


_TABLE = _byte_table()


def _step(state: np.ndarray, column: np.ndarray | int) -> np.ndarray:
    """Take one byte into every state."""
    return _TABLE[(state ^ column) & 0xFF] ^ (state >> 8)


def _apply(operator: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Apply a linear map, given as the images of the 32 bits, to every state."""
    bits = (states[:, None] >> np.arange(32, dtype=np.uint32)) & 1
    return np.bitwise_xor.reduce(np.where(bits, operator, np.uint32(0)), axis=1)


def crc32c(data: bytes | memoryview | np.ndarray) -> int:
    """Return the CRC-32C of bytes, or of a contiguous array of uint8.

    The sum is linear over GF(2): rows of bytes are summed side by side, then
    neighbours are joined, the left one moved on by the length of the right.
    """
    data = np.frombuffer(data, dtype=np.uint8)
    if len(data) < 64:
        state = np.array([0xFFFFFFFF], dtype=np.uint32)
        for byte in data:
            state = _step(state, byte)
        return int(state[0]) ^ 0xFFFFFFFF
    rows = 1 << min(MAX_ROWS, len(data) // 64).bit_length() - 1
    length = -(-len(data) // rows)
    # Zeros in front do not change a sum that starts from 0; the usual start from all
    # ones is the same as inverting the first four bytes.
    padded = np.zeros(rows * length, dtype=np.uint8)
    begin = len(padded) - len(data)
    padded[begin:] = data
    padded[begin : begin + 4] ^= 0xFF
    state = np.zeros(rows, dtype=np.uint32)
    operator = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for column in np.ascontiguousarray(padded.reshape(rows, length).T):
        state, operator = _step(state, column), _step(operator, 0)
    while len(state) > 1:
        state = _apply(operator, state[0::2]) ^ state[1::2]
        operator = _apply(operator, operator)
    return int(state[0]) ^ 0xFFFFFFFF


def unmask(masked: int) -> int:
    rotated = (masked - MASK_DELTA) & 0xFFFFFFFF
    return ((rotated >> 17) | (rotated << 15)) & 0xFFFFFFFF
