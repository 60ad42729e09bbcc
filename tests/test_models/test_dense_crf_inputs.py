"""What DenseCRF refuses, and how it says so."""

import numpy as np
import pytest
import torch
from exact_crf import scene

from mmseg_deeplab.models.postprocess import DenseCRF

NAN, INF = float('nan'), float('inf')
WIDTHS = ['bilateral_xy', 'bilateral_rgb', 'gaussian_xy']
WRONG_SETTINGS = [
    *(
        ({name: value}, ValueError, f'{name} must be finite and above 0, got')
        for name in WIDTHS
        for value in (0, -1.0, NAN, INF)
    ),
    *(
        ({name: value}, ValueError, f'{name} must be finite and at least 0, got')
        for name in ('bilateral_weight', 'gaussian_weight')
        for value in (-0.1, NAN, INF)
    ),
    *(
        ({name: value}, TypeError, f'{name} must be a number, got')
        for name in ('gaussian_xy', 'bilateral_weight')
        for value in ('3', None, [3.0], True, 1j)
    ),
    *(
        (dict(num_iterations=value), TypeError, 'num_iterations must be an integer')
        for value in (2.5, '10', None, True)
    ),
    (dict(num_iterations=-1), ValueError, 'num_iterations must be at least 0, got -1'),
    (dict(learnable=True), ValueError, 'needs num_classes'),
    (dict(num_classes=1), ValueError, 'num_classes'),
    (dict(num_classes='3'), TypeError, 'num_classes'),
    (dict(learnable=['sigma']), ValueError, r"learnable=\['sigma'\]: choose among"),
    (dict(compatibility=3.0), ValueError, r'K x K numbers, received shape \(\)'),
    (dict(compatibility=[1.0, 2.0]), ValueError, r'2 x 2 .*received shape \(2,\)'),
    (dict(compatibility=[[1.0, 2.0, 3.0]]), ValueError, r'1 x 1 .*shape \(1, 3\)'),
    (dict(compatibility=[[1.0], [2.0, 3.0]]), ValueError, 'expected K x K numbers'),
    (dict(compatibility=[['a', 'b'], ['c', 'd']]), ValueError, 'expected K x K'),
    (dict(compatibility=[[1.0, NAN], [0.0, 1.0]]), ValueError, 'NaN or infinity'),
    (dict(compatibility=np.eye(3), num_classes=4), ValueError, 'expected 4 x 4'),
    (dict(compatibility='no.npy'), FileNotFoundError, "'no.npy' does not exist"),
]


@pytest.mark.parametrize('settings, error, message', WRONG_SETTINGS)
def test_settings_are_checked(settings, error, message):
    with pytest.raises(error, match=message):
        DenseCRF(**settings)


def test_compatibility_file_is_never_executed(tmp_path):
    path = tmp_path / 'code.npy'
    np.save(path, np.array([[{}, {}], [{}, {}]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"file '.*code.npy'.*allow_pickle=False"):
        DenseCRF(compatibility=str(path))


def test_a_width_that_was_learnt_away():
    crf = DenseCRF(learnable=True, num_classes=2)
    with torch.no_grad():
        crf.bilateral_rgb.fill_(-0.5)
    with pytest.raises(ValueError, match='bilateral_rgb must be finite and above 0'):
        crf(*scene(3, 4, 2))


def with_value(tensor, value):
    tensor = tensor.float().clone()
    tensor[0, 1, 2, 3] = value
    return tensor


IMAGE, PROBABILITIES = scene(4, 5, 3)
WRONG_INPUTS = [
    *(
        (torch.zeros(shape), PROBABILITIES, ValueError, r'image must be \(N, 3, H, W\)')
        for shape in ((3, 4, 5), (1, 1, 4, 5), (1, 4, 5, 3), (0, 3, 4, 5))
    ),
    *(
        (image, PROBABILITIES, TypeError, 'image must')
        for image in (np.zeros((1, 3, 4, 5)), None, torch.zeros(1, 3, 4, 5) > 1)
    ),
    *(
        (with_value(IMAGE, value), PROBABILITIES, ValueError, r'RGB of 0\.\.255')
        for value in (NAN, INF, -0.1, 255.5)
    ),
    ((IMAGE - 116.0) / 57.0, PROBABILITIES, ValueError, "undo the network's normal"),
    *(
        (IMAGE, torch.full(shape, 0.5), ValueError, message)
        for shape, message in (
            ((2, 4, 5), 'must be .N, K, H, W. for 1 images'),
            ((2, 2, 4, 5), 'must be .N, K, H, W. for 1 images'),
            ((1, 2, 5, 4), 'must have the same height and width; resize the logits'),
            ((1, 1, 4, 5), 'at least 2 classes, probabilities have 1'),
            ((1, 0, 4, 5), 'at least 2 classes, probabilities have 0'),
        )
    ),
    *(
        (IMAGE, probabilities, TypeError, 'probabilities must be')
        for probabilities in (None, np.ones((1, 2, 4, 5)), torch.ones(1, 2, 4, 5).int())
    ),
    *(
        (IMAGE, with_value(PROBABILITIES, value), ValueError, r'must lie in 0\.\.1')
        for value in (NAN, INF, -INF, -0.2, 1.2)
    ),
    *(
        (IMAGE, PROBABILITIES.log() + shift, ValueError, r'through softmax\(dim=1\)')
        for shift in (0.0, 9.0, -9.0)
    ),
    (IMAGE, PROBABILITIES * 1.002, ValueError, 'must sum to one over dimension 1'),
    (IMAGE, (2 * PROBABILITIES).tanh(), ValueError, 'must sum to one'),
]


@pytest.mark.parametrize('image, probabilities, error, message', WRONG_INPUTS)
def test_inputs_are_checked(image, probabilities, error, message):
    with pytest.raises(error, match=message):
        DenseCRF()(image, probabilities)


def test_parts_that_do_not_fit_each_other_are_named():
    with pytest.raises(ValueError, match='take a larger standard deviation'):
        DenseCRF(bilateral_rgb=1e-15)(IMAGE, PROBABILITIES)
    with pytest.raises(ValueError, match='of 3 classes, but compatibility is 4 x 4'):
        DenseCRF(compatibility=np.eye(4))(IMAGE, PROBABILITIES)
    kernels = DenseCRF().build_kernels(scene(5, 5, 2)[0])
    with pytest.raises(ValueError, match='must have the same height and width'):
        DenseCRF().refine(PROBABILITIES, kernels)


def test_image_of_zero_to_one():
    with pytest.warns(UserWarning, match=r'multiply an image of 0\.\.1 by 255'):
        DenseCRF()(IMAGE / 255.0, PROBABILITIES)


@pytest.mark.parametrize('value', [0, 1])
def test_black_images_give_no_warning(recwarn, value):
    DenseCRF()(torch.full_like(IMAGE, value).float(), PROBABILITIES)
    assert not [w for w in recwarn if 'image' in str(w.message)]
