"""A batch that goes from a worker to its training as one block of memory."""

import io
import pickle
from collections.abc import Sequence
from math import prod
from typing import Any

import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

ALIGNMENT = 16  # bytes, for any dtype
Layout = list[tuple[torch.dtype, torch.Size]]


class PackedBatch(dict):
    """A batch whose tensors share one block of memory when it is pickled.

    torch sends each tensor by itself: two per sample, for each of which the processes
    connect, authenticate, pass a file descriptor and map its memory. The other process
    gets a plain dict with the same values.
    """

    def __reduce__(self) -> tuple:
        stream = io.BytesIO()
        pickler = _TensorPickler(stream)
        pickler.dump(dict(self))
        parts, layout = [], []
        for tensor in pickler.tensors:
            values = tensor.detach().contiguous().view(-1).view(torch.uint8)
            parts += [values, values.new_zeros(-len(values) % ALIGNMENT)]
            layout.append((tensor.dtype, tensor.shape))
        block = torch.cat(parts) if parts else torch.empty(0, dtype=torch.uint8)
        return unpack, (stream.getvalue(), block, layout)


def packed_collate(samples: Sequence[Any]) -> Any:
    """Return mmengine's ``pseudo_collate``, a dict as :class:`PackedBatch`."""
    batch = pseudo_collate(samples)
    return PackedBatch(batch) if type(batch) is dict else batch


def unpack(content: bytes, block: Tensor, layout: Layout) -> dict:
    """Restore what :class:`PackedBatch` has pickled; tensors are parts of the block."""
    unpickler = _TensorUnpickler(io.BytesIO(content))
    start = 0
    for dtype, shape in layout:
        size = prod(shape) * dtype.itemsize
        part = block[start : start + size].view(dtype).view(shape)
        unpickler.tensors.append(part)
        start += size + -size % ALIGNMENT
    return unpickler.load()


class _TensorPickler(pickle.Pickler):
    """Leaves tensors out and keeps them."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, pickle.HIGHEST_PROTOCOL)
        self.tensors: list[Tensor] = []

    def persistent_id(self, value: Any) -> int | None:
        if type(value) is not Tensor or value.device.type != 'cpu':
            return None
        self.tensors.append(value)
        return len(self.tensors) - 1


class _TensorUnpickler(pickle.Unpickler):
    """Puts them in again."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream)
        self.tensors: list[Tensor] = []

    def persistent_load(self, number: int) -> Tensor:
        return self.tensors[number]
