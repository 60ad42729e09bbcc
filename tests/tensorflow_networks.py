"""TensorFlow's DeepLab networks, written down a second time for the tests.

From variables by TensorFlow's names to logits, in the words of research/deeplab
(``xception_module``, ``stack_blocks_dense``, ``mobilenet_base``, ``model.py``). The
operations come from outside, so that the same lines run on tf.nn and on plain torch;
maps are (N, H, W, C) throughout. Needs numpy alone.
"""

from __future__ import annotations

import zlib

import numpy as np

ENTRY = {
    41: [(128, 2), (256, 2), (728, 2)],
    65: [(128, 2), (256, 2), (728, 2)],
    71: [(128, 2), (256, 1), (256, 2), (728, 1), (728, 2)],
}
MIDDLE_UNITS = {41: 8, 65: 16, 71: 16}
MOBILENET = [  # expansion, channels, units, stride of the first
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]


class Variables:
    """Names and shapes of a network's variables, and deterministic values for them."""

    def __init__(self) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}

    def conv(self, scope: str, kernel: int, inputs: int, outputs: int) -> int:
        self.shapes[f'{scope}/weights'] = (kernel, kernel, inputs, outputs)
        return self.norm(scope, outputs)

    def depthwise(self, scope: str, channels: int) -> int:
        self.shapes[f'{scope}/depthwise_weights'] = (3, 3, channels, 1)
        return self.norm(scope, channels)

    def separable(self, scope: str, inputs: int, outputs: int) -> int:
        self.depthwise(f'{scope}_depthwise', inputs)
        return self.conv(f'{scope}_pointwise', 1, inputs, outputs)

    def norm(self, scope: str, channels: int) -> int:
        for name in ('gamma', 'beta', 'moving_mean', 'moving_variance'):
            self.shapes[f'{scope}/BatchNorm/{name}'] = (channels,)
        return channels

    def values(self) -> dict[str, np.ndarray]:
        return {name: value_of(name, shape) for name, shape in self.shapes.items()}


def value_of(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return the value of a variable, a function of its name and shape alone."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith(('gamma', 'moving_variance')):
        # Residual branches are quiet, so that the sum does not grow over 20 units.
        quiet = 'separable_conv3_pointwise' in name and name.endswith('gamma')
        return rng.uniform(0.5, 1.5, shape).astype('f4') * np.float32(0.3**quiet)
    if len(shape) == 4:
        fan_in = np.prod(shape[:2]) * (1 if 'depthwise' in name else shape[2])
        return (rng.normal(size=shape) * np.sqrt(2 / fan_in)).astype('f4')
    return (0.1 * rng.normal(size=shape)).astype('f4')


def xception_variables(depth: int, width: float = 1.0) -> tuple[Variables, int, int]:
    """Return the backbone's variables, and the channels of its two ends."""
    variables, name = Variables(), f'xception_{depth}'

    def wide(n: int) -> int:
        return round(n * width)

    channels = variables.conv(f'{name}/entry_flow/conv1_1', 3, 3, wide(32))
    channels = variables.conv(f'{name}/entry_flow/conv1_2', 3, channels, wide(64))
    blocks = [('entry_flow', [c] * 3, 'conv', 1) for c, _ in ENTRY[depth]]
    blocks.append(('middle_flow', [728] * 3, 'sum', MIDDLE_UNITS[depth]))
    blocks.append(('exit_flow', [728, 1024, 1024], 'conv', 1))
    blocks.append(('exit_flow', [1536, 1536, 2048], 'none', 1))
    number: dict[str, int] = {}
    for flow, widths, skip, units in blocks:
        number[flow] = number.get(flow, 0) + 1
        for unit in range(1, units + 1):
            scope = f'{name}/{flow}/block{number[flow]}/unit_{unit}/xception_module'
            if skip == 'conv':
                variables.conv(f'{scope}/shortcut', 1, channels, wide(widths[-1]))
            for i, outputs in enumerate(widths, 1):
                channels = variables.separable(
                    f'{scope}/separable_conv{i}', channels, wide(outputs)
                )
    return variables, channels, wide(256)


def mobilenet_variables(width: float = 1.0) -> tuple[Variables, int]:
    """Return the backbone's variables and the channels of its output.

    At another width than 1 DeepLab rounds to whole channels (`divisible_by` 1).
    """
    variables = Variables()
    channels = variables.conv('MobilenetV2/Conv', 3, 3, int(32 * width))
    number = 0
    for expansion, outputs, units, _ in MOBILENET:
        for _ in range(units):
            scope = f'MobilenetV2/expanded_conv{f"_{number}" * bool(number)}'
            inner = channels * expansion
            if expansion > 1:
                variables.conv(f'{scope}/expand', 1, channels, inner)
            variables.depthwise(f'{scope}/depthwise', inner)
            channels = variables.conv(
                f'{scope}/project', 1, inner, int(outputs * width)
            )
            number += 1
    return variables, channels


def add_head(
    variables: Variables,
    inputs: int,
    *,
    classes: int = 5,
    depth: int = 16,
    rates: int = 3,
    separable: bool = True,
    image_pooling: bool = True,
    low_level: int | None = None,
    low_level_depth: int = 6,
) -> None:
    """Add the variables of the pyramid, the decoder if any, and the classifier."""
    branches = 1 + rates + image_pooling
    if image_pooling:
        variables.conv('image_pooling', 1, inputs, depth)
    variables.conv('aspp0', 1, inputs, depth)
    for i in range(1, rates + 1):
        if separable:
            variables.separable(f'aspp{i}', inputs, depth)
        else:
            variables.conv(f'aspp{i}', 3, inputs, depth)
    variables.conv('concat_projection', 1, branches * depth, depth)
    if low_level is not None:
        variables.conv('decoder/feature_projection0', 1, low_level, low_level_depth)
        names = ['decoder/decoder_conv0', 'decoder/decoder_conv1']
        if not separable:  # slim.repeat
            names = [f'decoder/decoder_conv0/decoder_conv0_{i}' for i in (1, 2)]
        add = variables.separable if separable else _conv3x3(variables)
        add(names[0], depth + low_level_depth, depth)
        add(names[1], depth, depth)
    variables.shapes['logits/semantic/weights'] = (1, 1, depth, classes)
    variables.shapes['logits/semantic/biases'] = (classes,)


def _conv3x3(variables: Variables):
    return lambda scope, inputs, outputs: variables.conv(scope, 3, inputs, outputs)


class Network:
    """The forward pass, on the operations ``ops`` and the variables ``values``.

    ``ops`` offers ``conv2d(x, w, stride, rate, padding)``, ``depthwise_conv2d``
    likewise, ``batch_norm(x, gamma, beta, mean, variance, eps)``, ``relu``, ``relu6``,
    ``pad(x, n)``, ``concat(maps)``, ``spatial_mean(x)``, ``resize(x, size)`` and
    ``size(x)``; padding is 'SAME' or 'VALID'.
    """

    def __init__(self, ops, values: dict[str, np.ndarray], output_stride: int) -> None:
        self.ops, self.values, self.output_stride = ops, values, output_stride

    def conv(self, x, scope, *, stride=1, rate=1, act=None, eps=1e-3, kind='weights'):
        weights = self.values[f'{scope}/{kind}']
        run = self.ops.conv2d if kind == 'weights' else self.ops.depthwise_conv2d
        x = run(x, weights, stride, rate, self.padding_of_strides(stride, weights))
        norm = [
            self.values[f'{scope}/BatchNorm/{name}']
            for name in ('gamma', 'beta', 'moving_mean', 'moving_variance')
        ]
        x = self.ops.batch_norm(x, *norm, eps)
        return act(x) if act else x

    def padding_of_strides(self, stride, weights):
        """Return 'SAME'; Xception pads strided convolutions itself before them."""
        return (
            'VALID' if stride > 1 and self.explicit and weights.shape[0] > 1 else 'SAME'
        )

    def separable(self, x, scope, *, stride=1, rate=1, act=None, eps=1e-3):
        if stride > 1:
            x = self.ops.pad(x, rate)
        x = self.conv(
            x,
            f'{scope}_depthwise',
            stride=stride,
            rate=rate,
            act=act,
            eps=eps,
            kind='depthwise_weights',
        )
        return self.conv(x, f'{scope}_pointwise', act=act, eps=eps)

    def logits(self, image):
        names = list(self.values)
        self.explicit = names[0].startswith('xception')
        low_level = None
        if self.explicit:
            depth = int(names[0][len('xception_') :].split('/')[0])
            features, low_level = self.xception(image, depth)
        else:
            features = self.mobilenet(image)
        x = self.pyramid(features)
        if 'decoder/feature_projection0/weights' in self.values:
            x = self.decoder(x, low_level)
        logits = self.ops.conv2d(
            x, self.values['logits/semantic/weights'], 1, 1, 'SAME'
        )
        return logits + self.values['logits/semantic/biases']

    def xception(self, x, depth: int):
        name, relu = f'xception_{depth}', self.ops.relu
        x = self.ops.pad(x, 1)
        x = self.conv(x, f'{name}/entry_flow/conv1_1', stride=2, act=relu)
        x = self.conv(x, f'{name}/entry_flow/conv1_2', act=relu)
        units = [
            (f'entry_flow/block{i}/unit_1', stride, 'conv')
            for i, (_, stride) in enumerate(ENTRY[depth], 1)
        ]
        for i in range(1, MIDDLE_UNITS[depth] + 1):
            units.append((f'middle_flow/block1/unit_{i}', 1, 'sum'))
        units.append(('exit_flow/block1/unit_1', 2, 'conv'))
        units.append(('exit_flow/block2/unit_1', 1, 'none'))
        low_block = 'entry_flow/block3' if depth == 71 else 'entry_flow/block2'
        low_level, current, rate = None, 2, 1
        for scope, stride, skip in units:
            here, rate_here = stride, 1
            if current == self.output_stride:
                here, rate_here, rate = 1, rate, rate * stride
            else:
                current *= stride
            path = f'{name}/{scope}/xception_module'
            x, second = self.module(x, path, here, rate_here, skip)
            if scope.startswith(low_block):
                low_level = second
        return x, low_level

    def module(self, x, scope, stride, rate, skip):
        inside = skip == 'none'  # the last block has its ReLUs inside
        maps = [x]
        for i in (1, 2, 3):
            residual = self.separable(
                maps[-1] if inside else self.ops.relu(maps[-1]),
                f'{scope}/separable_conv{i}',
                stride=stride if i == 3 else 1,
                rate=rate,
                act=self.ops.relu if inside else None,
            )
            maps.append(residual)
        if skip == 'conv':
            residual = residual + self.conv(x, f'{scope}/shortcut', stride=stride)
        elif skip == 'sum':
            residual = residual + x
        return residual, maps[2]

    def mobilenet(self, x):
        relu6 = self.ops.relu6
        x = self.conv(x, 'MobilenetV2/Conv', stride=2, act=relu6)
        number, current, rate = 0, 2, 1
        for expansion, _, units, stride in MOBILENET:
            for unit in range(units):
                scope = f'MobilenetV2/expanded_conv{f"_{number}" * bool(number)}'
                number += 1
                wanted = stride if unit == 0 else 1
                here, rate_here = wanted, 1
                if current == self.output_stride:
                    here, rate_here, rate = 1, rate, rate * wanted
                else:
                    current *= wanted
                y = x
                if expansion > 1:
                    y = self.conv(y, f'{scope}/expand', act=relu6)
                y = self.conv(
                    y,
                    f'{scope}/depthwise',
                    stride=here,
                    rate=rate_here,
                    act=relu6,
                    kind='depthwise_weights',
                )
                y = self.conv(y, f'{scope}/project')
                x = x + y if unit > 0 else y
        return x

    def pyramid(self, x):
        options = dict(act=self.ops.relu, eps=1e-5)
        branches = []
        if 'image_pooling/weights' in self.values:
            pooled = self.conv(self.ops.spatial_mean(x), 'image_pooling', **options)
            branches.append(self.ops.resize(pooled, self.ops.size(x)))
        branches.append(self.conv(x, 'aspp0', **options))
        for i in (1, 2, 3):
            rate = 6 * i * 16 // self.output_stride
            if f'aspp{i}/weights' in self.values:
                branches.append(self.conv(x, f'aspp{i}', rate=rate, **options))
            elif f'aspp{i}_depthwise/depthwise_weights' in self.values:
                branches.append(self.separable(x, f'aspp{i}', rate=rate, **options))
        return self.conv(self.ops.concat(branches), 'concat_projection', **options)

    def decoder(self, x, low_level):
        options = dict(act=self.ops.relu, eps=1e-5)
        low_level = self.conv(low_level, 'decoder/feature_projection0', **options)
        x = self.ops.concat([self.ops.resize(x, self.ops.size(low_level)), low_level])
        if 'decoder/decoder_conv1_pointwise/weights' in self.values:
            x = self.separable(x, 'decoder/decoder_conv0', **options)
            return self.separable(x, 'decoder/decoder_conv1', **options)
        for i in (1, 2):
            x = self.conv(x, f'decoder/decoder_conv0/decoder_conv0_{i}', **options)
        return x
