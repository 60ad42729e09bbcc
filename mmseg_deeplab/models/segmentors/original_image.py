"""The image of a prediction at its original size, which a CRF needs."""

from collections.abc import Mapping
from typing import Any

import torch
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from mmseg_deeplab.utils.data_file_errors import DataFileError
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import decode, read_file

from ..postprocess.crf_inputs import check_levels

ROUNDING = 0.2  # grey levels; float16 has 0.125 between neighbours at 255
FLIPPED_AXES = dict(horizontal=-1, vertical=-2)


def original_image(
    inputs: Tensor, metainfo: dict[str, Any], preprocessor: nn.Module
) -> Tensor:
    """Return the RGB image of a sample at ``ori_shape``, ``(3, H, W)`` in uint8.

    Where the network saw the image at its original size, its input is taken: padding
    removed, un-flipped, with mean, deviation and channel order undone. Otherwise
    ``img_path`` is read again, as the loading transforms do. InputError if neither can
    be.
    """
    seen = undo_geometry(inputs, metainfo)
    seen_size = tuple(seen.shape[-2:])
    size = tuple(metainfo.get('ori_shape', seen_size))[:2]
    if seen_size == size:
        return undo_normalization(seen, preprocessor)
    return _read(metainfo.get('img_path'), size, seen_size).to(inputs.device)


def undo_geometry(inputs: Tensor, metainfo: Mapping[str, Any]) -> Tensor:
    """Undo padding and flip, as MMSegmentation does with the logits."""
    left, right, top, bottom = padding_of(metainfo)
    height, width = inputs.shape[-2:]
    return undo_flip(inputs[..., top : height - bottom, left : width - right], metainfo)


def padding_of(metainfo: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Return how many pixels were added left, right, at the top and at the bottom."""
    padding = metainfo.get('img_padding_size', metainfo.get('padding_size'))
    return tuple(padding or (0, 0, 0, 0))


def undo_flip(inputs: Tensor, metainfo: Mapping[str, Any]) -> Tensor:
    """Flip an image, logits or labels ``(..., H, W)`` back."""
    if not metainfo.get('flip'):
        return inputs
    direction = metainfo.get('flip_direction')
    if direction not in FLIPPED_AXES:
        raise InputError(
            f'{metainfo.get("img_path")}: flip_direction={direction!r} cannot be '
            f'undone; RandomFlip.direction must be one of {tuple(FLIPPED_AXES)}'
        )
    return inputs.flip(FLIPPED_AXES[direction])


def undo_normalization(image: Tensor, preprocessor: nn.Module) -> Tensor:
    """Return the RGB image in 0..255 that a preprocessor made its input from."""
    if image.shape[0] != 3:
        raise InputError(
            f'the CRF compares colours: it needs images of 3 channels, received '
            f'{image.shape[0]}; leave the CRF out'
        )
    image = _undo_mean_and_std(image.float(), preprocessor)
    if not swaps_channels(preprocessor):
        image = image.flip(0)
    try:
        check_levels(image, rounding=ROUNDING)
    except ValueError as error:
        raise InputError(
            f'{error}. With the data_preprocessor undone the image is not what was '
            'read: normalise in model.data_preprocessor (mean, std) and not in the '
            'pipeline'
        ) from error
    return image.round().clamp(0, 255).to(torch.uint8)


def swaps_channels(preprocessor: nn.Module) -> bool:
    """Return whether a preprocessor exchanges red and blue: it is given a pixel."""
    pixel = dict(
        inputs=[torch.arange(3.0).view(3, 1, 1)], data_samples=[SegDataSample()]
    )
    seen = _undo_mean_and_std(preprocessor(pixel)['inputs'][0], preprocessor)[:, 0, 0]
    return bool(seen[0] > seen[2])


def _undo_mean_and_std(image: Tensor, preprocessor: nn.Module) -> Tensor:
    if getattr(preprocessor, 'mean', None) is None:
        return image
    return image * preprocessor.std + preprocessor.mean


def _read(path: str | None, size: tuple[int, int], seen: tuple[int, int]) -> Tensor:
    try:
        content = read_file(path or '', remedy='test without resizing')
        image = decode(content, path, flag='color', backend='cv2')  # BGR
    except (FileNotFoundError, DataFileError):
        image = None
    if image is None or image.shape[:2] != size:
        found = 'no readable image' if image is None else image.shape[:2]
        raise InputError(
            f'the CRF needs the image at its original size {size}; the network saw '
            f'{seen}, and img_path={path!r} is {found}. Remedy: test without resizing, '
            'or leave the CRF out'
        )
    return torch.from_numpy(image).permute(2, 0, 1).flip(0)
