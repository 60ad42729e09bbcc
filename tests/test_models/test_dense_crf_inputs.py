"""What DenseCRF refuses, and how it says so."""

import numpy as np
import pytest
import torch
from exact_crf import scene

from mmseg_deeplab.models import DenseCRF

NAN, INF = float('nan'), float('inf')
WRONG_SETTINGS = [
    *(
        ({name: value}, ValueError, f'{name} must be finite and above 0')
        for name in ('bilateral_xy', 'bilateral_rgb', 'gaussian_xy')
        for value in (0, -1.0, NAN, INF)
    ),
    *(
        ({name: value}, ValueError, f'{name} must be finite and at least 0')
        for name in ('bilateral_weight', 'gaussian_weight')
        for value in (-0.1, NAN)
    ),
    (dict(gaussian_xy='3'), TypeError, 'number'),
    (dict(num_iterations=2.5), TypeError, 'integer'),
    (dict(num_iterations=-1), ValueError, 'num_iterations must be at least 0'),
    (dict(learnable=True), ValueError, 'needs num_classes'),
    (dict(num_classes=1), ValueError, 'num_classes'),
    (dict(learnable=['sigma']), ValueError, r"learnable=\['sigma'\]: choose among"),
    (dict(compatibility=[1.0, 2.0]), ValueError, r'2 x 2 .*received shape \(2,\)'),
    (dict(compatibility=[[1.0], [2.0, 3.0]]), ValueError, 'expected K x K numbers'),
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
    with pytest.raises(ValueError, match=r"file '.*code.npy'.*Python objects"):
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
WRONG_IMAGES = [
    *((torch.zeros(shape), ValueError) for shape in ((3, 4, 5), (1, 1, 4, 5))),
    *((with_value(IMAGE, value), ValueError) for value in (NAN, -0.1, 255.5)),
    ((IMAGE - 116.0) / 57.0, ValueError),
    (np.zeros((1, 3, 4, 5)), TypeError),
    (torch.zeros(1, 3, 4, 5) > 1, TypeError),
]
WRONG_PROBABILITIES = [
    *(
        (torch.full(shape, 0.5), ValueError)
        for shape in ((2, 4, 5), (2, 2, 4, 5), (1, 2, 5, 4), (1, 1, 4, 5))
    ),
    *((with_value(PROBABILITIES, value), ValueError) for value in (NAN, -0.2, 1.2)),
    (PROBABILITIES.log(), ValueError),
    (PROBABILITIES * 1.002, ValueError),
    (torch.ones(1, 2, 4, 5).int(), TypeError),
]


@pytest.mark.parametrize(
    'inputs, error',
    [
        *(((image, PROBABILITIES), error) for image, error in WRONG_IMAGES),
        *(((IMAGE, given), error) for given, error in WRONG_PROBABILITIES),
    ],
)
def test_inputs_are_checked(inputs, error):
    with pytest.raises(error, match=r'image|probabilities'):
        DenseCRF()(*inputs)


def test_parts_that_do_not_fit_each_other_are_named():
    with pytest.raises(ValueError, match='take a larger standard deviation'):
        DenseCRF(bilateral_rgb=1e-15)(IMAGE, PROBABILITIES)
    with pytest.raises(ValueError, match='of 3 classes, but compatibility is 4 x 4'):
        DenseCRF(compatibility=np.eye(4))(IMAGE, PROBABILITIES)


SCALED = IMAGE / 255.0


@pytest.mark.parametrize('image', [SCALED, SCALED.half(), SCALED.double() * 0.1])
def test_an_image_of_zero_to_one_is_refused(image):
    with pytest.raises(ValueError, match=r'fractions .*multiply it by 255'):
        DenseCRF()(image, PROBABILITIES)


@pytest.mark.parametrize('levels', [0.0, 1.0, 2.5])
def test_a_nearly_black_image_of_whole_levels_is_none_of_zero_to_one(levels):
    """A float image of levels 0 and 1 is one of uint8 after a conversion."""
    image = (IMAGE > 99).float() * levels
    assert DenseCRF()(image, PROBABILITIES).shape == PROBABILITIES.shape
