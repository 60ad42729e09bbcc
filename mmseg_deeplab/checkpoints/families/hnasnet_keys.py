"""Auto-DeepLab's network in TensorFlow (research/deeplab/core/nas_network.py)."""

CELLS, BLOCKS = 12, 5
FIRST_INPUT = 'backbone.cells.0.inputs.0.conv.weight'

TENSORS = {
    'weights': 'conv.weight',
    'depthwise_weights': 'depthwise.weight',
    'pointwise_weights': 'pointwise.weight',
    'gamma': 'bn.weight',
    'beta': 'bn.bias',
    'moving_mean': 'bn.running_mean',
    'moving_variance': 'bn.running_var',
}


def hnasnet_modules() -> dict[str, str]:
    """Return our names of all scopes; convolution and BatchNorm have scopes apart."""
    modules = {}
    for i in range(3):
        for scope in (f'conv{i}', f'conv{i}_bn'):
            modules[f'hnasnet/{scope}'] = f'backbone.stem.{i}'
    for cell in range(CELLS):
        theirs, ours = f'hnasnet/cell_{cell}', f'backbone.cells.{cell}'
        for i, scopes in enumerate((('1x1', 'beginning_bn'), ('prev_1x1', 'prev_bn'))):
            for scope in scopes:
                modules[f'{theirs}/{scope}'] = f'{ours}.inputs.{i}'
        for block in range(BLOCKS):
            for i, side in enumerate(('left', 'right')):
                branch = f'{theirs}/comb_iter_{block}/{side}'
                for size in ('3x3', '5x5'):
                    for scope in (f'atrous_{size}', f'bn_atr_{size}'):
                        modules[f'{branch}/{scope}'] = f'{ours}.blocks.{block}.{i}.conv'
                    for n in (1, 2):
                        for scope in (f'separable_{size}_{n}', f'bn_sep_{size}_{n}'):
                            modules[f'{branch}/{scope}'] = (
                                f'{ours}.blocks.{block}.{i}.{n - 1}'
                            )
    return modules
