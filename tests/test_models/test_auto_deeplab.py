"""Auto-DeepLab: the network, the super-network, and the decoding of a search."""

import itertools
import math
from itertools import pairwise

import pytest
import torch
from golden import METADATA, reference_output
from mmseg.registry import MODELS

from mmseg_deeplab.models import AutoDeepLabNet, AutoDeepLabSearchNet
from mmseg_deeplab.models.backbones.architecture_decoding import decode, decode_path
from mmseg_deeplab.models.backbones.auto_deeplab_net import drop_path
from mmseg_deeplab.models.backbones.auto_deeplab_search import (
    CHOICES,
    resize_to,
    step_probabilities,
)
from mmseg_deeplab.models.backbones.genotype import (
    AUTO_DEEPLAB,
    Genotype,
    make_genotype,
    read_genotype,
)

pytestmark = pytest.mark.usefixtures('device')

SMALL = dict(num_layers=4, num_blocks=2, filters=2)
CELL = ((('skip', 0), ('skip', 1)),)


# Table 2 of the paper: 10.15, 21.62 and 44.42 million.
@pytest.mark.parametrize(
    'config, parameters', [('s', 10_147_427), ('m', 21_622_451), ('l', 44_424_691)]
)
def test_parameters_are_those_of_the_paper(load_config, config, parameters):
    cfg = load_config(f'autodeeplab_{config}_cityscapes.py')
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert sum(p.numel() for p in model.parameters()) == parameters


@pytest.mark.parametrize('size', [(65, 97), (64, 96), (33, 50)])
def test_output_sizes(size):
    low, high = AutoDeepLabNet(filters=2)(torch.randn(1, 3, *size))
    assert low.shape[1:] == (10, *[(side + 3) // 4 for side in size])
    assert high.shape[1] == 20
    assert (high >= 0).all()


def test_every_parameter_gets_a_gradient():
    net = AutoDeepLabNet(filters=2)
    sum(out.sum() for out in net(torch.randn(2, 3, 65, 65))).backward()
    assert all(p.grad is not None for p in net.parameters())


def test_drop_path_keeps_the_mean_and_drops_whole_images():
    torch.manual_seed(0)
    dropped = drop_path(torch.ones(20000, 2, 1, 1), 0.8)
    assert dropped.unique().tolist() == pytest.approx([0, 1.25])
    assert dropped.mean() == pytest.approx(1, abs=0.02)
    assert (dropped[:, 0] == dropped[:, 1]).all()


def test_drop_path_grows_with_the_cell_and_the_training():
    net = AutoDeepLabNet(filters=2, drop_path_keep=0.6)
    net.training_progress = 0.5
    assert net.keep_of_cell(11) == pytest.approx(0.8)
    assert net.keep_of_cell(5) == pytest.approx(0.9)
    assert net.eval().keep_of_cell(11) == 1


@pytest.mark.parametrize(
    'levels, blocks, message',
    [
        ((0, 2), CELL, 'a step of one at most'),
        ((0, -1), CELL, 'expected 0 to 3'),
        ((0,), ((('conv_7x7', 0), ('skip', 1)),), "unknown operation 'conv_7x7'"),
        ((0,), ((('skip', 2), ('skip', 1)),), 'would close a circle'),
        ((), CELL, 'at least one cell'),
    ],
)
def test_genotypes_that_cannot_be_are_refused(levels, blocks, message):
    with pytest.raises(ValueError, match=message):
        Genotype(levels, blocks)


def test_genotype_file_round_trip(tmp_path):
    AUTO_DEEPLAB.save(tmp_path / 'found.json')
    assert read_genotype(tmp_path / 'found.json') == AUTO_DEEPLAB


@pytest.mark.parametrize('content', ['{"levels": [0]}', '[]', 'x'])
def test_a_file_that_is_no_genotype_is_named(tmp_path, content):
    (tmp_path / 'other.json').write_text(content)
    with pytest.raises(ValueError, match=r'other\.json is no genotype'):
        read_genotype(tmp_path / 'other.json')


@pytest.mark.parametrize('case', ['a', 'b', 'c', 'd', 'published', 'none'])
def test_decoding_gives_the_references_network(case):
    # There, predecessor 0 is the cell before the previous one, and "none" comes first.
    operations = METADATA['autodeeplab_decode']['operations']
    theirs = [n.replace('dil', 'atrous').removesuffix('_connect') for n in operations]
    columns = [theirs.index(name) for name in CHOICES]
    rows = [1, 0, 3, 2, 4, 6, 5, 7, 8, 10, 9, 11, 12, 13, 15, 14, 16, 17, 18, 19]
    alpha = torch.from_numpy(reference_output('autodeeplab_decode', f'{case}_alpha'))
    beta = torch.from_numpy(reference_output('autodeeplab_decode', f'{case}_beta'))
    found = decode(alpha[rows][:, columns], beta)
    path = reference_output('autodeeplab_decode', f'{case}_path').tolist()
    genotype = reference_output('autodeeplab_decode', f'{case}_genotype').tolist()
    blocks = [
        (block, {0: 1, 1: 0}.get(state, state), columns[CHOICES.index(name)])
        for block, branches in enumerate(found.blocks)
        for name, state in branches
    ]
    assert list(found.levels) == path
    assert sorted(blocks) == sorted(map(tuple, genotype))


def test_the_decoded_path_is_the_best_of_all():
    torch.manual_seed(1)
    beta = torch.randn(6, 4, 3)
    steps_taken = step_probabilities(beta)

    def probability(path):
        steps = list(pairwise((0, *path)))
        if any(abs(b - a) > 1 for a, b in steps):
            return 0
        taken = (steps_taken[i, a, b - a + 1] for i, (a, b) in enumerate(steps))
        return math.prod(taken)

    best = max(itertools.product(range(4), repeat=6), key=probability)
    assert decode_path(beta) == best


def test_the_steps_that_leave_a_node_sum_to_one():
    probabilities = step_probabilities(torch.randn(5, 4, 3))
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(5, 4))
    assert (probabilities[:, 0, 0] == 0).all()
    assert (probabilities[:, 3, 2] == 0).all()


def plain_cell(cell, previous, before, weights):
    """Compute a relaxed cell edge by edge (equations 1 to 3 of the paper)."""
    states, edges = [previous, before], zip(cell.edges, weights, strict=True)
    for block in range(2):
        total = 0
        for state in states[: block + 2]:
            operations, probabilities = next(edges)
            for operation, probability in zip(operations, probabilities, strict=False):
                total = total + probability * operation(state)
        states.append(total)
    return torch.cat(states[2:], dim=1)


def plain_trellis(net, x):
    """Compute all nodes one input at a time (equation 5)."""
    weights, betas = net.alpha.softmax(-1), step_probabilities(net.beta)
    first = net.stem[1](net.stem[0](x).relu())
    layers = [{0: first}, {0: net.stem[2](first.relu())}]
    sizes = [layers[1][0].shape[2:]]
    for _ in range(3):
        sizes.append(tuple((side + 1) // 2 for side in sizes[-1]))
    for depth, nodes in enumerate(net.layers):
        found = {}
        for level, node in ((int(name), node) for name, node in nodes.items()):
            stem = layers[0][0] if depth == 0 else layers[1][0]
            before = node.before(resize_to(layers[-2].get(level, stem), sizes[level]))
            found[level] = 0
            for source, features in layers[-1].items():
                if abs(source - level) > 1:
                    continue
                if source > level:
                    features = resize_to(features, sizes[level])
                previous = node.inputs[str(source)](features)
                output = plain_cell(node.cell, previous, before, weights)
                found[level] += betas[depth, source, level - source + 1] * output
        layers.append(found)
    return layers[-1]


def test_the_trellis_equals_its_equations():
    torch.manual_seed(0)
    net = AutoDeepLabSearchNet(**SMALL).eval()
    net.alpha.data, net.beta.data = torch.randn(5, 8), torch.randn(4, 4, 3)
    x = torch.randn(2, 3, 65, 98)
    with torch.no_grad():
        found, expected = net(x), plain_trellis(net, x)
    for level, features in enumerate(found):
        torch.testing.assert_close(features, expected[level])


def test_recomputed_cells_keep_gradients_and_save_memory():
    x, results = torch.randn(2, 3, 65, 65), []
    for with_cp in (False, True):
        torch.manual_seed(0)
        net, stored = AutoDeepLabSearchNet(**SMALL, with_cp=with_cp), {}

        def keep(tensor, stored=stored):
            stored[tensor.data_ptr()] = tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = sum(out.square().mean() for out in net(x))
        results.append((sum(stored.values()), net))
        loss.backward()
    (plain, one), (lean, other) = results
    assert lean < 0.4 * plain
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)


def test_a_genotype_is_taken_from_a_config():
    levels, blocks = [0, 1], [[['skip', 0], ['max_pool_3x3', 1]]]
    net = AutoDeepLabNet(filters=2, genotype=dict(levels=levels, blocks=blocks))
    assert net.genotype == make_genotype(levels, blocks)
    low, high = net(torch.randn(1, 3, 33, 33))
    assert (low.shape[1:], high.shape[1:]) == ((2, 9, 9), (4, 5, 5))
