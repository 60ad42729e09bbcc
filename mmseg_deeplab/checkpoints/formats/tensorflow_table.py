"""The sorted string table in which TensorFlow keeps the index of a checkpoint.

LevelDB's format (leveldb/doc/table_format.md): blocks of sorted keys with shared
beginnings cut off, a block that lists these blocks, and a footer that points at it.
"""

from collections.abc import Iterator

from .crc32c import crc32c, unmask
from .protobuf import varint

MAGIC = 0xDB4775248B80FB57.to_bytes(8, 'little')
FOOTER_SIZE = 48  # two block handles, padded to 40 bytes, and the magic number
TRAILER_SIZE = 5  # compression and checksum behind each block


def is_table(end: bytes) -> bool:
    """Tell whether the last bytes of a file are those of a table."""
    return end.endswith(MAGIC)


def read_table(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield keys and values of a table, the whole file, in order."""
    if len(data) < FOOTER_SIZE or not is_table(bytes(data[-8:])):
        raise ValueError('does not end as a table does: truncated, or another format')
    footer = data[-FOOTER_SIZE:]
    _, offset = _handle(footer, 0)  # of the meta index, which is empty
    index, _ = _handle(footer, offset)
    for _, place in _entries(_block(data, *index)):
        handle, _ = _handle(place, 0)
        yield from _entries(_block(data, *handle))


def _handle(data: memoryview, offset: int) -> tuple[tuple[int, int], int]:
    begin, offset = varint(data, offset)
    size, offset = varint(data, offset)
    return (begin, size), offset


def _block(data: memoryview, begin: int, size: int) -> memoryview:
    end = begin + size
    if end + TRAILER_SIZE > len(data):
        raise ValueError(
            f'damaged: a block of {size} bytes from {begin} on, of {len(data)}'
        )
    stored = int.from_bytes(data[end + 1 : end + TRAILER_SIZE], 'little')
    if crc32c(data[begin : end + 1]) != unmask(stored):
        raise ValueError(f'damaged: the block at byte {begin} has another checksum')
    if data[end] != 0:
        raise ValueError(
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
        key = key[:shared] + bytes(block[offset : offset + unshared])
        offset += unshared
        yield key, block[offset : offset + size]
        offset += size
