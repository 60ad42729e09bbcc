"""The variables of TensorFlow's DeepLab networks: names, shapes, and fixed values.

In the words of research/deeplab (``xception_module``, ``mobilenet_base``).
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
