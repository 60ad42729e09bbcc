"""Files of ``torch.save``, read as data.

Both formats hold a pickle and the bytes of the storages that it names: an archive of
uncompressed entries since PyTorch 1.6, one stream before. The pickle is read by
:class:`DataUnpickler`, ``torch.load`` is not used.
"""

import io
import mmap
import zipfile
from collections.abc import Callable
from math import prod
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.safe_unpickling import (
    NAMES,
    STATES,
    DataUnpickler,
    Name,
    refused,
)

# Constants of torch/serialization.py: what a file of the older format begins with.
MAGIC_NUMBER, PROTOCOL_VERSION = 0x1950A86A20F9469CFC6C, 1001
BLOCK = 1 << 20
# Elements that a tensor may have beyond those of its storage, by a stride of 0.
MOST_EXPANDED = 1 << 20
MOST_DIMENSIONS = 64  # torch's own limit
# Steps of the pickle: 3,000 tensors and their optimizer take 200,000.
MOST_STEPS = 300_000

BUFFER = 'mmengine.logging.history_buffer.HistoryBuffer'

MapLocation = str | torch.device | Callable[[Any, str], Any] | None


class DamagedCheckpointError(InputError):
    """A checkpoint that is not whole, or not of this format."""


class Storage(NamedTuple):
    """The bytes of a storage, and how the pickle reads them."""

    content: Tensor  # uint8, flat
    dtype: torch.dtype
    start: int = 0  # elements before a storage that is a part of another one

    def tensor(
        self, offset: int, size: tuple, stride: tuple, *, dtype: torch.dtype = None
    ) -> Tensor:
        """Return a tensor in this memory, which must have room for it."""
        dtype, begin = dtype or self.dtype, self.start + offset
        if len(size) != len(stride) or len(size) > MOST_DIMENSIONS:
            raise InputError(f'a tensor of {len(size)} sizes, {len(stride)} strides')
        if min((begin, *size, *stride)) < 0:
            raise InputError(f'a tensor of size {size} and stride {stride}')
        steps = zip(size, stride, strict=True)
        end = begin + 1 + sum((length - 1) * step for length, step in steps)
        room = self.content.numel() // dtype.itemsize
        if prod(size) and (end > room or prod(size) > max(room, MOST_EXPANDED)):
            raise InputError(f'a tensor of size {size} in a storage of {room} elements')
        empty = torch.empty(0, dtype=dtype, device=self.content.device)
        return empty.set_(self.content.untyped_storage(), begin, size, stride)


def rebuild_tensor(
    storage: Storage, offset: int, size: tuple, stride: tuple, *more: Any
) -> Tensor:
    """Take the place of ``_rebuild_tensor`` and ``_rebuild_tensor_v2``."""
    if any(more[2:]):  # requires_grad, hooks, metadata
        raise UnpicklingError(f'Unsupported tensor with {more[2:]}')
    return storage.tensor(offset, tuple(size), tuple(stride))


def rebuild_typed_tensor(
    storage: Storage,
    offset: int,
    size: tuple,
    stride: tuple,
    requires_grad: bool,
    hooks: Any,
    dtype: torch.dtype,
    *more: Any,
) -> Tensor:
    """Take the place of ``_rebuild_tensor_v3``, for types without a storage class."""
    if any(more):
        raise UnpicklingError(f'Unsupported tensor with {more}')
    return storage.tensor(offset, tuple(size), tuple(stride), dtype=dtype)


def rebuild_subclass(rebuild: Name, _kind: Name, arguments: tuple, _state: Any) -> Any:
    """Take the place of ``_rebuild_from_type_v2``: attributes are left out."""
    if not isinstance(rebuild, Name) or rebuild.make not in TENSORS:
        raise UnpicklingError('Unsupported tensor: it is rebuilt as something else')
    return rebuild.make(*arguments)


def fill_buffer(made: HistoryBuffer, state: dict) -> None:
    """Fill a log buffer of mmengine; its statistics are those of the class."""
    names = '_log_history', '_count_history'
    made.__init__(*(checked_history(state.get(name, np.empty(0))) for name in names))


def statistic(owner: Any, name: str) -> None:
    """Take the place of ``getattr``, by which a log buffer names its statistics."""
    if not isinstance(owner, Name) or owner.name != BUFFER:
        raise UnpicklingError(f'Unsupported GLOBAL getattr({owner}, {name!r})')


def checked_history(history: Any) -> np.ndarray:
    """Return the values of a log buffer, which must be a row of numbers.

    Of references to one list of a megabyte an array could take any memory.
    """
    is_row = isinstance(history, np.ndarray) and history.ndim == 1
    if not is_row or history.dtype.kind not in 'biuf':
        raise UnpicklingError('Unsupported log buffer: it is no array of numbers')
    return history


TENSORS = rebuild_tensor, rebuild_typed_tensor
DTYPES = {name: it for name, it in vars(torch).items() if isinstance(it, torch.dtype)}
STORAGES = dict(
    ByteStorage='uint8', CharStorage='int8', ShortStorage='int16', IntStorage='int32',
    LongStorage='int64', HalfStorage='float16', FloatStorage='float32',
    DoubleStorage='float64', BFloat16Storage='bfloat16', BoolStorage='bool',
    ComplexFloatStorage='complex64', ComplexDoubleStorage='complex128',
)  # fmt: skip
TORCH_NAMES = NAMES | {
    **{f'torch.{name}': dtype for name, dtype in DTYPES.items()},
    **{f'torch.{name}': DTYPES[dtype] for name, dtype in STORAGES.items()},
    'torch.storage.UntypedStorage': torch.uint8,
    'torch.Size': lambda size=(): torch.Size(size),
    'torch.device': lambda kind, index=None: torch.device(kind, index),
    'torch._utils._rebuild_tensor': rebuild_tensor,
    'torch._utils._rebuild_tensor_v2': rebuild_tensor,
    'torch._utils._rebuild_tensor_v3': rebuild_typed_tensor,
    'torch._utils._rebuild_parameter': lambda data, *_: data,
    'torch._utils._rebuild_parameter_with_state': lambda data, *_: data,
    'torch._tensor._rebuild_from_type_v2': rebuild_subclass,
    'torch.Tensor': refused,  # the class of a tensor with attributes
    'torch.nn.parameter.Parameter': refused,
    BUFFER: lambda: HistoryBuffer(),
    'builtins.getattr': statistic,
}
TORCH_STATES = {HistoryBuffer: fill_buffer} | STATES


def load_torch(path: Path, map_location: MapLocation = 'cpu') -> Any:
    """Load a file of ``torch.save`` without ever running code from it.

    Tensors, plain containers, numbers, texts, numpy's arrays of numbers and mmengine's
    log buffers are read, and nothing else. The checksum of each entry of an archive is
    compared, in the pass that reads it: 0.6 s per GB on one core. The older format has
    none. DamagedCheckpointError if it is not whole, InputError if it would run code.
    """
    size = path.stat().st_size
    try:
        with open(path, 'rb') as file:
            is_archive = file.read(4) == b'PK\x03\x04'
            return (_load_archive if is_archive else _load_stream)(
                file, size, map_location
            )
    except UnpicklingError as error:
        raise InputError(
            f'{path}: refused, loading it would run code or build objects other than '
            f'tensors and plain containers ({error}). Where you trust its source, '
            'load it there and save only its `state_dict()`'
        ) from error
    except Exception as error:  # foreign files raise anything
        reason = str(error).strip().split('\n')[-1]
        if not isinstance(error, InputError):
            reason = f'{type(error).__name__}: {reason}'
        raise DamagedCheckpointError(
            f'{path} ({size} bytes): not a whole checkpoint of torch.save ({reason}). '
            'Download or save it again'
        ) from error


def _load_archive(file: BinaryIO, size: int, map_location: MapLocation) -> Any:
    with zipfile.ZipFile(file) as archive:
        entries = {one.filename.partition('/')[2]: one for one in archive.infolist()}
        if 'constants.pkl' in entries:
            raise UnpicklingError('a program of TorchScript')
        compressed = any(one.compress_type for one in entries.values())
        if compressed or sum(one.file_size for one in archive.infolist()) > size:
            raise InputError('compressed or overlapping entries, which it never has')
        if 'byteorder' in entries and archive.read(entries['byteorder']) != b'little':
            raise InputError('saved on a machine of another byte order')
        loaded: dict[str, Tensor] = {}

        def storage(dtype: torch.dtype, name: str, place: str, count: int) -> Storage:
            if name not in loaded:
                entry = entries[f'data/{name}']
                if entry.file_size != count * dtype.itemsize:
                    raise InputError(f'{count} x {dtype} in {entry.file_size} bytes')
                content = torch.empty(entry.file_size, dtype=torch.uint8)
                view, filled = memoryview(content.numpy()), 0
                with archive.open(entry) as opened:
                    while block := opened.read(BLOCK):
                        view[filled : filled + len(block)] = block
                        filled += len(block)
                if filled != len(view):
                    raise EOFError(f'{filled} of {len(view)} bytes of {name}')
                loaded[name] = _placed(content, place, map_location)
            return Storage(loaded[name], dtype)

        pickled = archive.read(entries['data.pkl'])
        return _unpickle(io.BytesIO(pickled), len(pickled), storage)


def _load_stream(file: BinaryIO, size: int, map_location: MapLocation) -> Any:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if _unpickle(mapped, size) != MAGIC_NUMBER:
        raise InputError('another format')
    if _unpickle(mapped, size) != PROTOCOL_VERSION:
        raise InputError('another version of the format')
    _unpickle(mapped, size)  # of the machine
    begin = mapped.tell()
    wanted: dict[str, tuple[torch.dtype, str, int]] = {}

    def note(dtype: torch.dtype, name: str, place: str, count: int, part: Any = None):
        wanted[name] = dtype, place, count
        content = torch.empty(count * dtype.itemsize, dtype=torch.uint8, device='meta')
        return Storage(content, dtype, part[1] if part else 0)

    # The bytes follow the pickle, whose types say how many there are: read it twice.
    _unpickle(mapped, size, note)
    names, loaded = _unpickle(mapped, size), {}
    for name in names:
        dtype, place, count = wanted.pop(name)
        if int.from_bytes(mapped.read(8), 'little') != count:
            raise InputError(f'storage {name} has another size than its tensors say')
        content = np.frombuffer(mapped.read(count * dtype.itemsize), np.uint8).copy()
        if len(content) != count * dtype.itemsize:
            raise EOFError(f'the data end within storage {name}')
        loaded[name] = _placed(torch.from_numpy(content), place, map_location)
    if wanted:
        raise EOFError(f'no data of storage {next(iter(wanted))}')
    mapped.seek(begin)

    def storage(dtype: torch.dtype, name: str, _place: str, _count: int, part=None):
        return Storage(loaded[name], dtype, part[1] if part else 0)

    return _unpickle(mapped, size, storage)


def _unpickle(file: BinaryIO, limit: int, storage: Callable = refused) -> Any:
    return DataUnpickler(
        file, limit, TORCH_NAMES, TORCH_STATES, storage, MOST_STEPS
    ).load()


def _placed(content: Tensor, place: str, map_location: MapLocation) -> Tensor:
    """Move the bytes of a storage to where they are wanted."""
    if map_location is None:
        return content
    if isinstance(map_location, str | torch.device):
        return content.to(map_location)
    moved = map_location(content.untyped_storage(), place)
    empty = torch.empty(0, dtype=torch.uint8, device=moved.device)
    return empty.set_(moved, 0, (len(moved),), (1,))
