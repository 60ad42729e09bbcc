"""Checkpoints of ``tf.train.Saver``, read without TensorFlow.

A checkpoint ``model.ckpt`` is ``model.ckpt.index``, a table from names to
``BundleEntryProto`` (tensorflow/core/protobuf/tensor_bundle.proto), and shards
``model.ckpt.data-00000-of-00001`` that hold the tensors' bytes one after the other.
"""

import math
import os
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict, drop, some
from .packed_files import is_packed, unpack
from .protobuf import message
from .tensorflow_table import crc32c, read_table, unmask

# DataType of tensorflow/core/framework/types.proto; bfloat16 has no numpy type.
DTYPES = {
    number: np.dtype(name)
    for number, name in {
        1: '<f4', 2: '<f8', 3: '<i4', 4: 'u1', 5: '<i2', 6: 'i1', 9: '<i8', 10: '?',
        14: '<i2', 19: '<f2',
    }.items()
}  # fmt: skip
BFLOAT16 = 14


# A `BundleEntryProto`: values by their field numbers, and those that are used.
Entry = dict[int, list[int | memoryview]]
DTYPE, SHAPE, SHARD, OFFSET, SIZE, CHECKSUM, SLICES = range(1, 8)


def load_tensorflow(path: str | os.PathLike) -> StateDict:
    """Load a checkpoint of ``tf.train.Saver`` without TensorFlow.

    Every checksum is verified. Entries that are no tensors of numbers (the object graph
    of TensorFlow 2) are left out and named in the log.

    Args:
        path: ``model.ckpt`` as TensorFlow names it, or its ``.index`` file, or the
            folder of the checkpoint, or the ``.tar.gz`` in which it is published.

    Returns:
        Tensors by TensorFlow's names, in TensorFlow's layout.

    Raises:
        ValueError: If it is damaged, of the old format V1, a frozen graph, sliced over
            several devices, or if a folder does not hold exactly one.
    """
    path = Path(path).expanduser()
    if is_packed(path):
        with TemporaryDirectory() as folder:
            unpack(path, Path(folder))
            return load_tensorflow(folder)
    prefix = find_prefix(path)
    entries, shards = read_index(Path(f'{prefix}.index'))
    data = [open_shard(prefix, i, shards) for i in range(shards)]
    left = [name for name, entry in entries.items() if _one(entry, DTYPE) not in DTYPES]
    entries = drop(entries, left, why=f'no numbers in {prefix.name}')
    if sum(_one(entry, SIZE) for entry in entries.values()) > sum(map(len, data)):
        raise InputError(
            f'{prefix}: its tensors have more bytes than the files that hold them: '
            'truncated, download it again'
        )
    return {
        name: read_tensor(entry, data, f'{prefix}: {name}')
        for name, entry in entries.items()
    }


def _one(entry: Entry, number: int, default: Any = 0) -> Any:
    """Return the only value of a field; an absent one has its default."""
    value = entry.get(number, [default])[0]
    if isinstance(value, int) != isinstance(default, int):
        raise InputError(f'field {number} of an entry is of another kind: damaged')
    return value


def find_prefix(path: Path) -> Path:
    """Return what TensorFlow calls the checkpoint: the path without ``.index``."""
    if path.is_dir():
        found = sorted(file.with_suffix('') for file in path.rglob('*.index'))
        if len(found) != 1:
            names = some(prefix.name for prefix in found)
            raise InputError(
                f'{path}: holds {len(found)} TensorFlow checkpoints (*.index), give '
                f'one of them: {names}'
            )
        return found[0]
    ending = re.compile(r'\.(index|meta|data-\d{5}-of-\d{5})$')
    prefix = path.with_name(ending.sub('', path.name))
    if Path(f'{prefix}.index').is_file():
        return prefix
    if path.is_file() and prefix == path:
        raise InputError(
            f'{path}: not a TensorFlow checkpoint of format V2; expected a path that '
            'ends in .ckpt or .index, or a folder. Frozen graphs (.pb) are not read; '
            'load one of the old format V1 in TensorFlow and save it with '
            'tf.compat.v1.train.Saver(write_version=2)'
        )
    raise FileNotFoundError(
        f'{prefix}.index: no such file; a TensorFlow checkpoint is this and '
        f'{prefix.name}.data-00000-of-00001'
    )


def read_index(file: Path) -> tuple[dict[str, Entry], int]:
    """Return the tensors of an index file by name, and the number of its shards."""
    try:
        table = dict(read_table(memoryview(file.read_bytes())))
        header = message(table.pop(b''))
        entries = {name.decode(): message(value) for name, value in table.items()}
    except (ValueError, KeyError) as error:
        raise InputError(
            f'{file} ({file.stat().st_size} bytes): not a whole index of a TensorFlow '
            f'checkpoint ({error}). Download it again'
        ) from error
    if _one(header, 2) != 0:
        raise InputError(f'{file}: written on a big-endian machine, which is not read')
    sliced = [name for name, entry in entries.items() if SLICES in entry]
    if sliced:
        raise InputError(
            f'{file}: partitioned variables are not read, save them whole: '
            f'{some(sliced)}'
        )
    return entries, int(_one(header, 1, 1))


def open_shard(prefix: Path, index: int, shards: int) -> np.ndarray:
    """Return the bytes of a shard, mapped from the file."""
    file = Path(f'{prefix}.data-{index:05d}-of-{shards:05d}')
    if not file.is_file():
        raise FileNotFoundError(
            f'{file}: no such file; the tensors of {prefix.name}.index lie in it'
        )
    if file.stat().st_size == 0:
        return np.zeros(0, np.uint8)  # cannot be mapped
    return np.memmap(file, dtype=np.uint8, mode='r')


def read_tensor(entry: Entry, shards: list[np.ndarray], name: str) -> Tensor:
    """Return one tensor, copied out of its shard, after a check of its checksum."""
    dtype, size = DTYPES[_one(entry, DTYPE)], _one(entry, SIZE)
    dims = message(memoryview(_one(entry, SHAPE, b''))).get(2, [])
    shape = tuple(_one(message(dim), 1) for dim in dims)
    begin, shard = _one(entry, OFFSET), _one(entry, SHARD)
    data = shards[shard] if shard < len(shards) else ()
    whole = size == dtype.itemsize * math.prod(shape)
    if begin + size > len(data) or not whole:
        raise InputError(
            f'{name} {shape} wants bytes up to {begin + size}, its shard has '
            f'{len(data)}: truncated, download it again'
        )
    values = np.array(data[begin : begin + size])
    checksum = int.from_bytes(_one(entry, CHECKSUM, b''), 'little')
    if crc32c(values) != unmask(checksum):
        raise InputError(
            f'{name} has another checksum than the index says: the files are damaged '
            'or not of one checkpoint, download them again'
        )
    tensor = torch.from_numpy(values.view(dtype).reshape(shape))
    is_bfloat16 = _one(entry, DTYPE) == BFLOAT16
    return tensor.view(torch.bfloat16) if is_bfloat16 else tensor
