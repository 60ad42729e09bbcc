"""``.caffemodel`` files written by the protobuf library, for the tests.

The part of caffe.proto (BVLC/caffe, src/caffe/proto) that holds weights, as descriptors
built at run time.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

FIELD = descriptor_pb2.FieldDescriptorProto
# name, number, type, repeated and packed or not
MESSAGES = {
    'BlobShape': [('dim', 1, 'INT64', True)],
    'BlobProto': [
        ('num', 1, 'INT32', False),
        ('channels', 2, 'INT32', False),
        ('height', 3, 'INT32', False),
        ('width', 4, 'INT32', False),
        ('data', 5, 'FLOAT', True),
        ('diff', 6, 'FLOAT', True),
        ('shape', 7, 'BlobShape', False),
        ('double_data', 8, 'DOUBLE', True),
    ],
    'LayerParameter': [
        ('name', 1, 'STRING', False),
        ('type', 2, 'STRING', False),
        ('bottom', 3, 'STRING', True),
        ('blobs', 7, 'BlobProto', True),
    ],
    'V1LayerParameter': [
        ('layer', 1, 'LayerParameter', False),
        ('bottom', 2, 'STRING', True),
        ('name', 4, 'STRING', False),
        ('type', 5, 'INT32', False),
        ('blobs', 6, 'BlobProto', True),
    ],
    'NetParameter': [
        ('name', 1, 'STRING', False),
        ('layers', 2, 'V1LayerParameter', True),
        ('force_backward', 5, 'BOOL', False),
        ('layer', 100, 'LayerParameter', True),
    ],
}


def message_classes(*, packed: bool = True, raw: bool = False) -> dict[str, type]:
    """Return the classes of the messages above.

    Args:
        packed: Store arrays packed, as caffe.proto says.
        raw: Declare ``data`` as bytes. In a file they are the same as packed floats,
            and millions of them are set at once.
    """
    package = f'caffe_{packed:d}{raw:d}'
    file = descriptor_pb2.FileDescriptorProto(
        name=f'{package}.proto', package=package, syntax='proto2'
    )
    for message, fields in MESSAGES.items():
        descriptor = file.message_type.add(name=message)
        for name, number, kind, repeated in fields:
            if raw and name == 'data':
                kind, repeated = 'BYTES', False
            field = descriptor.field.add(name=name, number=number)
            field.label = FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL
            if kind in MESSAGES:
                field.type, field.type_name = FIELD.TYPE_MESSAGE, f'.{package}.{kind}'
                continue
            field.type = getattr(FIELD, f'TYPE_{kind}')
            if repeated and kind != 'STRING':
                field.options.packed = packed
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(
            pool.FindMessageTypeByName(f'{package}.{name}')
        )
        for name in MESSAGES
    }


def write(
    path: Path,
    layers: dict[str, list[np.ndarray]],
    *,
    version: int = 2,
    data: str = 'data',
    old_shape: bool = False,
    packed: bool = True,
    raw: bool = False,
) -> Path:
    """Write layers with their blobs, between others without, as Caffe would.

    Args:
        path: File to write.
        layers: Blobs by the names of the layers.
        version: 1 for ``V1LayerParameter``.
        data: ``'data'`` or ``'double_data'``.
        old_shape: num, channels, height and width instead of a shape.
        packed: See :func:`message_classes`.
        raw: See :func:`message_classes`.
    """
    net = message_classes(packed=packed, raw=raw)['NetParameter'](name='DeepLab')
    net.force_backward = True
    repeated = net.layers if version == 1 else net.layer
    for name, blobs in layers.items():
        repeated.add(name=f'relu_{name}', bottom=[name])
        layer = repeated.add(name=name, bottom=['data'])
        for blob in blobs:
            message = layer.blobs.add()
            if old_shape:
                dims = (1,) * (4 - blob.ndim) + blob.shape
                message.num, message.channels, message.height, message.width = dims
            else:
                message.shape.dim.extend(blob.shape)
            if raw:
                message.data = blob.astype('<f4').tobytes()
            else:
                getattr(message, data).extend(blob.ravel().tolist())
                message.diff.extend([9.0] * 3)  # of the solver, to be ignored
    path.write_bytes(net.SerializeToString())
    return path
