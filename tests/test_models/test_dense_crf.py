"""DenseCRF against pydensecrf and against the mean field over all pairs of pixels."""

import math

import numpy as np
import pytest
import torch
from exact_crf import exact_mean_field, scene
from golden import METADATA, reference_output
from mmseg.registry import MODELS

from mmseg_deeplab.models import DenseCRF
from mmseg_deeplab.models.postprocess import mean_field
from mmseg_deeplab.models.postprocess.dense_crf import LEARNABLE

pytestmark = pytest.mark.usefixtures('device')

GOLDEN = [
    (s, n) for s in METADATA['crf']['sets'] for n in METADATA['crf']['iterations']
]


NAMES = {
    'w1': 'bilateral_weight',
    'sxy': 'bilateral_xy',
    'srgb': 'bilateral_rgb',
    'w2': 'gaussian_weight',
    'sxy2': 'gaussian_xy',
}


def golden_settings(name, num_iterations):
    values = METADATA['crf']['sets'][name]
    settings = {ours: float(values[theirs]) for theirs, ours in NAMES.items()}
    return dict(settings, num_iterations=num_iterations)


def golden_inputs():
    image = torch.as_tensor(reference_output('crf_inputs', 'image'))
    probabilities = torch.as_tensor(reference_output('crf_inputs', 'probs'))
    return image.permute(2, 0, 1)[None], probabilities[None]


def golden_result(source, name, num_iterations):
    units = reference_output(f'crf_{source}', f'{name}_iter{num_iterations}')
    return torch.as_tensor(units.astype(np.float64) / 65535)


@pytest.fixture(scope='module', params=GOLDEN, ids='{0[0]}-{0[1]}'.format)
def refined(request):
    """One of the reference's settings, and our result."""
    with torch.no_grad():
        crf = DenseCRF(**golden_settings(*request.param))
        return request.param, crf(*golden_inputs())[0].double()


def test_near_pydensecrf(refined):
    """Measured: 0.0003 to 0.0014, labels 99.75 to 99.98 %."""
    setting, found = refined
    expected = golden_result('pydensecrf', *setting)
    assert (found - expected).abs().mean() <= 0.004
    assert (found.argmax(0) == expected.argmax(0)).double().mean() >= 0.995


def test_not_farther_from_the_exact_field_than_pydensecrf(refined):
    setting, found = refined
    exact = golden_result('exact', *setting)
    theirs = (golden_result('pydensecrf', *setting) - exact).abs().mean()
    assert (found - exact).abs().mean() <= theirs


@pytest.mark.slow
def test_the_exact_field_of_these_tests_is_that_of_the_reference():
    image, probabilities = (x[0, :, :60:3, :80:3] for x in golden_inputs())
    found = exact_mean_field(image, probabilities, num_iterations=0)
    torch.testing.assert_close(found, probabilities.double(), atol=3e-5, rtol=0)
    image, probabilities = (x[0] for x in golden_inputs())
    found = exact_mean_field(image, probabilities, **golden_settings('b', 1))
    expected = golden_result('exact', 'b', 1)
    torch.testing.assert_close(found, expected, atol=2e-5, rtol=0)


SHAPE = 16, 20, 4


def distance_from_exact(image, probabilities, **settings):
    with torch.no_grad():
        found = DenseCRF(**settings)(image, probabilities)
    assert found.shape == probabilities.shape
    assert found.min() >= 0
    assert (found.sum(1) - 1).abs().max() <= 1e-5
    exact = exact_mean_field(image[0], probabilities[0], **settings)
    return (found[0].double() - exact).abs().mean().item()


@pytest.mark.parametrize(
    'shape, settings, bound',
    [
        ((1, 1, 2), {}, 1e-6),
        ((1, 2, 3), {}, 1e-6),
        ((1, 17, 3), {}, 1e-3),  # measured: 0.0005
        ((13, 1, 4), {}, 2e-3),  # 0.0008
        ((2, 2, 2), {}, 1e-3),  # 0.0003
        ((16, 20, 5), {}, 3e-3),  # 0.0016
        ((12, 12, 171), {}, 1e-4),  # 0.00004
        (SHAPE, dict(bilateral_xy=0.01), 1e-6),
        (SHAPE, dict(bilateral_rgb=0.01), 1e-5),
        (SHAPE, dict(bilateral_xy=1e-6, bilateral_rgb=1e-8, gaussian_xy=1e-9), 1e-6),
        (SHAPE, dict(bilateral_xy=1e4), 1e-3),  # 0.0004
        (SHAPE, dict(bilateral_rgb=1e4), 3e-3),  # 0.0011
        (SHAPE, dict(gaussian_xy=0.01), 8e-3),  # 0.0039
        (SHAPE, dict(gaussian_xy=1e4), 8e-3),  # 0.0050
        (SHAPE, dict(bilateral_xy=1e4, bilateral_rgb=1e4, gaussian_xy=1e9), 2e-5),
        (SHAPE, dict(bilateral_weight=0.0, gaussian_xy=2.0), 1e-4),
        (SHAPE, dict(gaussian_weight=0.0, bilateral_weight=1.0), 3e-3),
        (SHAPE, dict(num_iterations=0), 1e-6),
        (SHAPE, dict(num_iterations=1), 5e-3),  # 0.0030
    ],
    ids=str,
)
def test_extreme_shapes_and_kernels(shape, settings, bound):
    assert distance_from_exact(*scene(*shape), **settings) < bound


@pytest.mark.parametrize('xy, bound', [(67.0, 1e-3), (1000.0, 1e-3), (5.0, 0.015)])
def test_constant_image(xy, bound):
    """Measured: 0.0004 and 0.0096; only places are left to tell pixels apart."""
    image, probabilities = scene(*SHAPE)
    image = torch.full_like(image, 90)
    assert distance_from_exact(image, probabilities, bilateral_xy=xy) < bound


def random_case(seed):
    """Shape and settings, widths and weights evenly over their logarithm."""
    generator = torch.Generator().manual_seed(seed)

    def within(low, high):
        draw = torch.rand((), generator=generator, dtype=torch.float64).item()
        return low * (high / low) ** draw

    def integer(low, high):
        return int(torch.randint(low, high + 1, (), generator=generator))

    shape = integer(1, 24), integer(1, 24), integer(2, 8)
    return scene(*shape, seed=seed), dict(
        num_iterations=integer(0, 6),
        bilateral_weight=within(0.1, 8),
        bilateral_xy=within(0.3, 100),
        bilateral_rgb=within(0.3, 100),
        gaussian_weight=within(0.1, 8),
        gaussian_xy=within(0.1, 30),
    )


def test_random_shapes_and_settings():
    """Measured on 150 seeds: worst 0.029, mean 0.0022, median 0.0007."""
    distances = []
    for seed in range(80):
        inputs, settings = random_case(seed)
        distances.append(distance_from_exact(*inputs, **settings))
        assert distances[-1] < 0.04, (seed, settings)
    assert sum(distances) / len(distances) < 0.004


MATRIX = [[1.0, -0.3, 0.1], [0.2, 1.2, 0.0], [0.0, 0.4, 0.8]]


def test_compatibility_against_the_exact_field():
    inputs = scene(14, 15, 3)
    found = DenseCRF(4, bilateral_rgb=20.0, compatibility=MATRIX)(*inputs)[0]
    matrix = torch.tensor(MATRIX, dtype=torch.float64)
    for right, bound in ((matrix, 5e-3), (matrix.t(), None)):  # measured: 0.0015
        exact = exact_mean_field(
            *(x[0] for x in inputs),
            num_iterations=4, bilateral_rgb=20.0, compatibility=right,
        )  # fmt: skip
        distance = (found - exact).abs().mean()
        assert distance < bound if bound else distance > 0.01


@pytest.mark.parametrize(
    'given',
    [
        dict(compatibility=np.eye(3).tolist()),
        dict(compatibility='c.npy'),
        dict(learnable='compatibility', num_classes=3),
    ],
    ids=['list', 'file', 'learned'],
)
def test_the_identity_is_potts(given, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.save('c.npy', np.eye(3))
    inputs = scene(9, 11, 3)
    torch.testing.assert_close(DenseCRF(3, **given)(*inputs), DenseCRF(3)(*inputs))


@pytest.mark.parametrize('compatibility', [None, MATRIX])
@pytest.mark.parametrize('gaussian_xy', [1.0, 3.0, 40.0])
@pytest.mark.parametrize('rows_of_a_strip', [1, 7, 100])
def test_strips_equal_the_graph(
    monkeypatch, rows_of_a_strip, gaussian_xy, compatibility
):
    height, width = 23, 12
    inputs = scene(height, width, 3)
    crf = DenseCRF(
        3, 2.0, 20.0, 5.0, 1.5, gaussian_xy, compatibility=compatibility,
        num_classes=3, learnable=True,
    )  # fmt: skip
    strip = width * 3 * 4 * rows_of_a_strip
    monkeypatch.setattr(mean_field, '_STRIP_BYTES', strip)
    with_graph = crf(*inputs)
    assert with_graph.requires_grad
    with torch.no_grad():
        torch.testing.assert_close(crf(*inputs), with_graph, rtol=0, atol=2e-6)


def test_batch_equals_single_images():
    scenes = [scene(10, 13, 4, seed=seed) for seed in range(3)]
    images, probabilities = (torch.cat(x) for x in zip(*scenes, strict=True))
    crf = DenseCRF(4)
    singly = torch.cat([crf(*one) for one in scenes])
    torch.testing.assert_close(crf(images, probabilities), singly)


def test_prepared_kernels_serve_other_weights():
    image, probabilities = scene(10, 13, 4)
    kernels = DenseCRF().build_kernels(image)
    other = DenseCRF(3, bilateral_weight=1.0, gaussian_weight=0.5)
    torch.testing.assert_close(
        other.refine(probabilities, kernels), other(image, probabilities)
    )


@pytest.mark.parametrize(
    'dtype', [torch.uint8, torch.int64, torch.float16, torch.bfloat16, torch.float32]
)
def test_type_of_the_image(dtype):
    image, probabilities = scene(10, 13, 4)
    copies = image.clone(), probabilities.clone()
    found = DenseCRF(3)(image.to(dtype), probabilities)
    expected = DenseCRF(3)(image, probabilities)
    torch.testing.assert_close(found, expected)  # bfloat16 holds 0..256
    assert torch.equal(image, copies[0]) and torch.equal(probabilities, copies[1])


@pytest.mark.parametrize(
    'dtype, precision',
    [(torch.float16, 2e-3), (torch.bfloat16, 2e-2), (torch.float64, 1e-5)],
)
def test_type_of_the_probabilities(dtype, precision):
    """Computed in float32: what is lost is lost before and after."""
    image, probabilities = scene(10, 13, 4)
    given = probabilities.to(dtype)
    found = DenseCRF(3)(image, given)
    assert found.dtype == dtype
    given = given.float()
    expected = DenseCRF(3)(image, given / given.sum(1, keepdim=True))
    torch.testing.assert_close(found.float(), expected, rtol=precision, atol=1e-6)


def test_double_precision_throughout():
    image, probabilities = scene(10, 13, 4)
    crf = DenseCRF(3)
    found = crf(image.double(), probabilities.double())
    expected = crf(image, probabilities)
    torch.testing.assert_close(found.float(), expected, rtol=1e-3, atol=1e-5)
    assert (found.sum(1) - 1).abs().max() <= 1e-14


@pytest.mark.parametrize(
    'change',
    [
        lambda x: x.contiguous(memory_format=torch.channels_last),
        lambda x: x[:, :, :1].expand_as(x),
    ],
    ids=['channels_last', 'expanded'],
)
def test_any_layout(change):
    image, probabilities = (change(x) for x in scene(10, 13, 4))
    found = DenseCRF(3)(image, probabilities)
    expected = DenseCRF(3)(image.contiguous(), probabilities.contiguous())
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize('learnable', [False, True])
def test_autocast_changes_nothing(dtype, learnable):
    inputs = scene(10, 13, 4)
    crf = DenseCRF(3, learnable=learnable, num_classes=4)
    with torch.autocast('cpu', dtype=dtype):
        found = crf(*inputs)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, crf(*inputs))


@pytest.mark.parametrize(
    'learnable, names',
    [
        ((), ()),
        (True, LEARNABLE),
        ('bilateral_xy', ('bilateral_xy',)),
        (['gaussian_weight', 'compatibility'], ('gaussian_weight', 'compatibility')),
    ],
)
def test_learnable_parameters_and_the_state_dict(learnable, names):
    crf = DenseCRF(learnable=learnable, num_classes=3)
    assert {name for name, _ in crf.named_parameters()} == set(names)
    assert set(crf.state_dict()) == set(names)
    if 'compatibility' in names:
        assert torch.equal(crf.compatibility, torch.eye(3))


@pytest.mark.parametrize('compatibility', [None, MATRIX])
def test_settings_round_trip(compatibility):
    crf = DenseCRF(
        3, 3.3, 41.0, 4.7, 2.1, 1.9, compatibility=compatibility, num_classes=3,
        learnable=True,
    )  # fmt: skip
    settings = crf.settings()
    again = MODELS.build(settings)
    assert isinstance(again, DenseCRF) and not again.state_dict()
    assert again.settings() == settings and settings['type'] == 'DenseCRF'
    assert settings['bilateral_xy'] == 41.0
    inputs = scene(9, 8, 3)
    torch.testing.assert_close(again(*inputs), crf(*inputs))


def test_defaults_are_those_of_the_released_resnet101(load_config):
    assert DenseCRF().settings() == dict(load_config('crf/voc12_r101.py').crf)


def test_probabilities_of_zero_are_cut_off():
    """As pydensecrf's users do: a class of probability 0 may come back."""
    image, probabilities = scene(9, 8, 3)
    probabilities = torch.zeros_like(probabilities)
    probabilities[:, 0] = 1
    found = DenseCRF(0)(image, probabilities)
    assert math.isclose(found[0, 1, 0, 0].item(), 1e-5 / (1 + 2e-5), rel_tol=1e-4)
