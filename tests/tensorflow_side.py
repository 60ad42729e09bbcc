"""What the tests let TensorFlow itself do, in a process of its own.

TensorFlow seldom installs beside PyTorch; any Python that has it will do:

    TENSORFLOW_PYTHON=/opt/tensorflow/bin/python python -m pytest tests/test_checkpoints

As a script: ``write VARIABLES.npz PREFIX SHARDS`` (0: in the old format V1),
``read PREFIX OUT.npz`` and ``logits VARIABLES.npz IMAGE.npy FOLDER STRIDE...``.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np


def tensorflow_python() -> str | None:
    """Return a Python that has TensorFlow, None if none is known."""
    if 'TENSORFLOW_PYTHON' in os.environ:
        return os.environ['TENSORFLOW_PYTHON']
    return sys.executable if importlib.util.find_spec('tensorflow') else None


def run(*arguments: str | Path | int) -> None:
    """Run this file as a script in that Python."""
    subprocess.run(
        [tensorflow_python(), __file__, *map(str, arguments)],
        check=True,
        capture_output=True,
        env=os.environ | {'TF_CPP_MIN_LOG_LEVEL': '2', 'CUDA_VISIBLE_DEVICES': ''},
    )


class TensorFlowOps:
    """The operations of ``tensorflow_networks`` by tf.nn."""

    def __init__(self, tf) -> None:
        self.tf = tf
        self.relu, self.relu6 = tf.nn.relu, tf.nn.relu6

    def conv2d(self, x, weights, stride, rate, padding):
        return self.tf.nn.conv2d(x, weights, stride, padding, dilations=rate)

    def depthwise_conv2d(self, x, weights, stride, rate, padding):
        strides = (1, stride, stride, 1)
        return self.tf.nn.depthwise_conv2d(
            x, weights, strides, padding, dilations=(rate, rate)
        )

    def batch_norm(self, x, gamma, beta, mean, variance, eps):
        return self.tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps)

    def pad(self, x, n):
        return self.tf.pad(x, [[0, 0], [n, n], [n, n], [0, 0]])

    def concat(self, maps):
        return self.tf.concat(maps, 3)

    def spatial_mean(self, x):
        return self.tf.reduce_mean(x, [1, 2], keepdims=True)

    def size(self, x):
        return x.shape[1:3]

    def resize(self, x, size):
        return self.tf.compat.v1.image.resize_bilinear(x, size, align_corners=True)


def write(values: dict[str, np.ndarray], prefix: str, shards: int) -> None:
    """Save with ``tf.train.Saver``; several shards by the operations it is made of."""
    import tensorflow as tf

    if shards < 2:  # SaverDef.V1 is 1, V2 is 2
        _save(values, prefix, version=shards + 1)
        return
    names, parts = sorted(values), []
    for i in range(shards):
        own = names[i::shards]
        parts.append(f'{prefix}_part_{i}')
        tf.raw_ops.SaveV2(
            prefix=parts[-1],
            tensor_names=own,
            shape_and_slices=[''] * len(own),
            tensors=[_tensor(tf, name, values[name]) for name in own],
        )
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=parts, destination_prefix=prefix)


def _tensor(tf, name: str, value: np.ndarray):
    tensor = tf.constant(value)
    return tf.cast(tensor, tf.bfloat16) if name.endswith('bfloat16') else tensor


def _save(values: dict[str, np.ndarray], prefix: str, version: int) -> None:
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        for name, value in values.items():
            tf.compat.v1.get_variable(name, initializer=value)
        session.run(tf.compat.v1.global_variables_initializer())
        saver = tf.compat.v1.train.Saver(write_version=version)
        saver.save(session, prefix, write_meta_graph=False)


def read(prefix: str, out: str) -> None:
    """Read a checkpoint by TensorFlow's own reader into an .npz file."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(prefix)
    np.savez(
        out, **{k: reader.get_tensor(k) for k in reader.get_variable_to_shape_map()}
    )


def logits(values: dict, image: np.ndarray, folder: str, strides: list[int]) -> None:
    """Store a checkpoint of a network, and its logits at several output strides."""
    import tensorflow as tf
    from tensorflow_networks import Network

    write(values, f'{folder}/model.ckpt', shards=1)
    for stride in strides:
        out = Network(TensorFlowOps(tf), values, stride).logits(image)
        np.save(f'{folder}/logits_{stride}.npy', out.numpy())


def main(task: str, first: str, *others: str) -> None:
    if task == 'read':
        read(first, *others)
        return
    with np.load(first) as file:
        values = {name: file[name] for name in file.files}
    if task == 'write':
        write(values, others[0], int(others[1]))
    else:
        image, folder, *strides = others
        logits(values, np.load(image), folder, [int(stride) for stride in strides])


if __name__ == '__main__':
    main(*sys.argv[1:])
