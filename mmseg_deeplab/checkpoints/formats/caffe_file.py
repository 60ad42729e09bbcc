"""``.caffemodel`` files, read without Caffe.

A ``NetParameter`` of caffe.proto holds layers with their name and their blobs, either
as ``LayerParameter`` (since 2014) or as ``V1LayerParameter`` (DeepLab v1's files).
"""

import math
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mmseg_deeplab.utils.errors import InputError

from ..state_dicts import StateDict
from .protobuf import fields, integers, message, reals

# Field numbers of caffe.proto.
NET_LAYERS_V1, NET_LAYER = 2, 100
NAME_AND_BLOBS = {NET_LAYER: (1, 7), NET_LAYERS_V1: (4, 6)}
V1_NESTED_V0 = 1
BLOB_OLD_SHAPE = (1, 2, 3, 4)  # num, channels, height, width
BLOB_DATA, BLOB_SHAPE, BLOB_DOUBLE_DATA = 5, 7, 8
MOST_LAYERS = 10_000
MOST_UNPACKED = 100_000  # numbers of a blob that are written one by one


def load_caffe(path: str | os.PathLike) -> StateDict:
    """Load the blobs of a ``.caffemodel`` without Caffe.

    The file is mapped, so that memory holds the blobs once, without the gradients that
    a solver may have stored beside them.

    Returns:
        Tensors by ``layer.i``, ``i`` counting the blobs of the layer: ``conv1.0`` is
        the weight of ``conv1``, ``bn_conv1.2`` the scale factor of ``bn_conv1``.

    Raises:
        ValueError: If it is truncated, no network with weights, or older than 2014.
    """
    file = Path(path).expanduser()
    if not file.is_file():
        raise FileNotFoundError(f'{path}: no such file; expected a .caffemodel')
    try:
        state = dict(_blobs(file))
    except (ValueError, TypeError) as error:  # TypeError: fields of another kind
        raise InputError(
            f'{file} ({file.stat().st_size} bytes): not a whole .caffemodel '
            f'({error}). Download it again'
        ) from error
    if not state:
        raise InputError(
            f'{file}: no layer with weights in it; a .caffemodel is expected, not a '
            '.prototxt or .solverstate'
        )
    return state


def _blobs(file: Path) -> Iterator[tuple[str, Tensor]]:
    with open(file, 'rb') as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    for count, (number, data) in enumerate(fields(memoryview(mapped))):
        if count == MOST_LAYERS:
            raise InputError(f'more than {MOST_LAYERS} layers')
        if number not in NAME_AND_BLOBS or isinstance(data, int):
            continue
        name_field, blobs_field = NAME_AND_BLOBS[number]
        layer = message(data)
        if name_field in layer:
            name = bytes(layer[name_field][0]).decode()
            for index, blob in enumerate(layer.get(blobs_field, [])):
                values = message(blob, MOST_UNPACKED)
                yield f'{name}.{index}', _tensor(values, f'{name}, blob {index}')
        elif V1_NESTED_V0 in layer:
            raise InputError(
                'a layer without a name, as before 2014: run upgrade_net_proto_binary '
                'of Caffe on it'
            )


def _tensor(blob: dict[int, list[int | memoryview]], name: str) -> Tensor:
    """Return one blob; an absent shape field means the four old dimensions."""
    if BLOB_SHAPE in blob:
        shape = integers(message(blob[BLOB_SHAPE][0]).get(1, []))
    else:
        shape = [blob.get(field, [0])[0] for field in BLOB_OLD_SHAPE]
    if BLOB_DOUBLE_DATA in blob:
        values = reals(blob[BLOB_DOUBLE_DATA], '<f8')
    elif BLOB_DATA in blob:
        values = reals(blob[BLOB_DATA], '<f4')
    else:
        values = np.zeros(0, np.float32)
    if values.size != math.prod(shape):
        raise InputError(f'{name}: {values.size} values for the shape {tuple(shape)}')
    return torch.from_numpy(values.astype(np.float32).reshape(shape))
