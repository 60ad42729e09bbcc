"""ResNet-v1-beta in TensorFlow (research/deeplab/core/resnet_v1_beta.py)."""

from .resnet_keys import MAX_BLOCKS

# BatchNorm has a scope of its own in that of its convolution.
TENSORS = {
    'weights': 'weight',
    'gamma': 'weight',
    'beta': 'bias',
    'moving_mean': 'running_mean',
    'moving_variance': 'running_var',
}


def beta_modules() -> dict[str, str]:
    """Return our names of all scopes; they begin with ``resnet_v1/``, without depth."""
    units = {f'conv1_{i + 1}': (f'stem.{3 * i}', f'stem.{3 * i + 1}') for i in range(3)}
    for stage in range(1, 5):
        for block in range(MAX_BLOCKS):
            theirs = f'block{stage}/unit_{block + 1}/bottleneck_v1'
            ours = f'layer{stage}.{block}'
            down = f'{ours}.downsample'
            units[f'{theirs}/shortcut'] = f'{down}.0', f'{down}.1'
            for i in (1, 2, 3):
                units[f'{theirs}/conv{i}'] = f'{ours}.conv{i}', f'{ours}.bn{i}'
    modules = {}
    for theirs, (conv, norm) in units.items():
        modules[f'resnet_v1/{theirs}'] = f'backbone.{conv}'
        modules[f'resnet_v1/{theirs}/BatchNorm'] = f'backbone.{norm}'
    return modules
