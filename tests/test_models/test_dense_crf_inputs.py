"""What DenseCRF refuses, and how it says so."""

import numpy as np
import pytest
import torch
from exact_crf import scene

from mmseg_deeplab.models.postprocess import DenseCRF

NAN, INF = float('nan'), float('inf')
WIDTHS = ['bilateral_xy', 'bilateral_rgb', 'gaussian_xy']


@pytest.mark.parametrize('name', WIDTHS)
@pytest.mark.parametrize('value', [0, 0.0, -1.0, NAN, INF, -INF])
def test_widths_are_positive(name, value):
    with pytest.raises(ValueError, match=f'{name} must be finite and above 0, got'):
        DenseCRF(**{name: value})


@pytest.mark.parametrize('name', ['bilateral_weight', 'gaussian_weight'])
@pytest.mark.parametrize('value', [-0.1, NAN, INF])
def test_weights_are_not_negative(name, value):
    with pytest.raises(ValueError, match=f'{name} must be finite and at least 0, got'):
        DenseCRF(**{name: value})


@pytest.mark.parametrize('name', [*WIDTHS, 'bilateral_weight'])
@pytest.mark.parametrize('value', ['3', None, [3.0], True, 1j])
def test_values_are_numbers(name, value):
    with pytest.raises(TypeError, match=f'{name} must be a number, got'):
        DenseCRF(**{name: value})


@pytest.mark.parametrize('value', [2.5, '10', None, True])
def test_number_of_iterations_is_an_integer(value):
    with pytest.raises(TypeError, match='num_iterations must be an integer'):
        DenseCRF(value)


def test_number_of_iterations_is_not_negative():
    with pytest.raises(ValueError, match='num_iterations must be at least 0, got -1'):
        DenseCRF(-1)


@pytest.mark.parametrize('name', WIDTHS)
def test_a_width_that_was_learnt_away(name):
    crf = DenseCRF(learnable=True, num_classes=2)
    with torch.no_grad():
        getattr(crf, name).fill_(-0.5)
    with pytest.raises(ValueError, match=f'{name} must be finite and above 0'):
        crf(*scene(3, 4, 2))


def test_a_width_too_narrow_for_float64():
    with pytest.raises(ValueError, match='take a larger standard deviation'):
        DenseCRF(bilateral_rgb=1e-15)(*scene(3, 4, 2))


@pytest.mark.parametrize(
    'given, message',
    [
        (3.0, r'compatibility: expected K x K numbers, received shape \(\)'),
        ([1.0, 2.0], r'expected 2 x 2 numbers, received shape \(2,\)'),
        ([[1.0, 2.0, 3.0]], r'expected 1 x 1 numbers, received shape \(1, 3\)'),
        ([[1.0], [2.0, 3.0]], 'compatibility: expected K x K numbers'),
        ([['a', 'b'], ['c', 'd']], 'compatibility: expected K x K numbers'),
        ([[1.0, NAN], [0.0, 1.0]], 'compatibility holds NaN or infinity'),
    ],
)
def test_compatibility_is_a_matrix(given, message):
    with pytest.raises(ValueError, match=message):
        DenseCRF(compatibility=given)


def test_compatibility_file_that_does_not_exist(tmp_path):
    path = tmp_path / 'nothing.npy'
    with pytest.raises(FileNotFoundError, match=r"nothing\.npy' does not exist"):
        DenseCRF(compatibility=path)


def test_compatibility_file_is_never_executed(tmp_path):
    path = tmp_path / 'code.npy'
    np.save(path, np.array([[{}, {}], [{}, {}]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"file '.*code.npy'.*allow_pickle=False"):
        DenseCRF(compatibility=str(path))


def test_compatibility_of_other_classes():
    with pytest.raises(ValueError, match='expected 4 x 4 numbers'):
        DenseCRF(compatibility=np.eye(3), num_classes=4)
    with pytest.raises(ValueError, match='of 4 classes, but compatibility is 3 x 3'):
        DenseCRF(compatibility=np.eye(3))(*scene(5, 6, 4))


def test_learnt_compatibility_needs_the_number_of_classes():
    with pytest.raises(ValueError, match='needs num_classes'):
        DenseCRF(learnable=True)


@pytest.mark.parametrize('value, error', [(1, ValueError), ('3', TypeError)])
def test_number_of_classes(value, error):
    with pytest.raises(error, match='num_classes'):
        DenseCRF(num_classes=value)


def test_unknown_names_to_learn():
    with pytest.raises(ValueError, match=r"learnable=\['sigma'\]: choose among"):
        DenseCRF(learnable=['bilateral_xy', 'sigma'])


@pytest.mark.parametrize(
    'shape', [(3, 4, 5), (1, 1, 4, 5), (1, 4, 5, 3), (0, 3, 4, 5), (1, 3, 0, 5)]
)
def test_shape_of_the_image(shape):
    with pytest.raises(ValueError, match=r'image must be \(N, 3, H, W\).*received'):
        DenseCRF()(torch.zeros(shape), scene(4, 5, 2)[1])


@pytest.mark.parametrize(
    'image', [np.zeros((1, 3, 4, 5)), None, torch.zeros(1, 3, 4, 5) > 1]
)
def test_type_of_the_image(image):
    with pytest.raises(TypeError, match='image must'):
        DenseCRF()(image, scene(4, 5, 2)[1])


@pytest.mark.parametrize('value', [NAN, INF, -0.1, 255.5])
def test_values_of_the_image(value):
    image, probabilities = scene(4, 5, 2)
    image = image.float()
    image[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match=r'RGB of 0\.\.255, received values'):
        DenseCRF()(image, probabilities)


def test_normalised_image():
    image, probabilities = scene(4, 5, 2)
    image = (image - 116.0) / 57.0
    with pytest.raises(ValueError, match="undo the network's normalisation first"):
        DenseCRF()(image, probabilities)


def test_image_of_zero_to_one():
    image, probabilities = scene(4, 5, 2)
    with pytest.warns(UserWarning, match='multiply an image of 0..1 by 255'):
        DenseCRF()(image / 255.0, probabilities)


@pytest.mark.parametrize('value', [0, 1])
def test_black_images_give_no_warning(recwarn, value):
    image, probabilities = scene(4, 5, 2)
    DenseCRF()(torch.full_like(image, value).float(), probabilities)
    assert not [w for w in recwarn if 'image' in str(w.message)]


@pytest.mark.parametrize(
    'shape, message',
    [
        ((2, 4, 5), 'must be .N, K, H, W. for 1 images'),
        ((2, 2, 4, 5), 'must be .N, K, H, W. for 1 images'),
        ((1, 2, 5, 4), 'must have the same height and width; resize the scores'),
        ((1, 2, 2, 3), 'must have the same height and width; resize the scores'),
        ((1, 1, 4, 5), 'at least 2 classes, probabilities have 1'),
        ((1, 0, 4, 5), 'at least 2 classes, probabilities have 0'),
    ],
)
def test_shape_of_the_probabilities(shape, message):
    with pytest.raises(ValueError, match=message):
        DenseCRF()(scene(4, 5, 2)[0], torch.full(shape, 0.5))


@pytest.mark.parametrize(
    'probabilities', [None, np.ones((1, 2, 4, 5)), torch.ones(1, 2, 4, 5).long()]
)
def test_type_of_the_probabilities(probabilities):
    with pytest.raises(TypeError, match='probabilities must be'):
        DenseCRF()(scene(4, 5, 2)[0], probabilities)


@pytest.mark.parametrize('value', [NAN, INF, -INF, -0.2, 1.2])
def test_values_of_the_probabilities(value):
    image, probabilities = scene(4, 5, 2)
    probabilities[0, 1, 2, 3] = value
    with pytest.raises(ValueError, match=r'must lie in 0\.\.1, received'):
        DenseCRF()(image, probabilities)


@pytest.mark.parametrize('error', [0.002, -0.3])
def test_sum_of_the_probabilities(error):
    image, probabilities = scene(4, 5, 2)
    probabilities[0, :, 2, 3] = 0.5 + error / 2
    with pytest.raises(ValueError, match='must sum to one over dimension 1'):
        DenseCRF()(image, probabilities)


@pytest.mark.parametrize('shift', [0.0, 9.0, -9.0])
def test_logits(shift):
    image, probabilities = scene(4, 5, 3)
    logits = probabilities.log() + shift
    with pytest.raises(ValueError, match=r'through softmax\(dim=1\) first'):
        DenseCRF()(image, logits)


def test_scores_of_independent_classes():
    image, probabilities = scene(4, 5, 3)
    with pytest.raises(ValueError, match='must sum to one'):
        DenseCRF()(image, (2 * probabilities).tanh())


def test_kernels_of_another_image():
    kernels = DenseCRF().build_kernels(scene(5, 5, 2)[0])
    with pytest.raises(ValueError, match='must have the same height and width'):
        DenseCRF().refine(scene(4, 5, 2)[1], kernels)
