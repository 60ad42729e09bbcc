"""How time and memory grow with the area, the classes and the batch."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import Case, Contender
from .inference import (
    LARGEST_SHARE,
    compare_labels,
    plain_data,
    prediction,
    prediction_work,
)
from .networks import Network, Size, lean_segmentor, scenes, stock_segmentor
from .report import digits, megabytes_text, memory_ratio_text, ratio_text, seconds_text
from .training import MODES, training_case

# A narrow network, so that what grows around it is seen, and minutes suffice.
NARROW = dict(
    backbone=dict(widen_factor=0.25), decode_head=dict(in_channels=80, channels=32)
)
BASE = Network('v3 MobileNetV2, narrow', 'deeplabv3_mobilenetv2', 19, (512, 512))
WINDOWS = dict(test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(512, 512)))
AREA, CLASSES, BATCH = 'area', 'classes', 'batch'
QUANTITIES = {AREA: 'image area, pixels', CLASSES: 'classes', BATCH: 'batch, images'}
PREDICTION, TRAINING = 'prediction', 'training step'
# Twice as wide as high, 0.13 to 33.6 million pixels: 0.25 to 32 times 1024 x 1024.
HEIGHTS = (362, 512, 724, 1024, 1448, 2048, 2896, 4096)
NUM_CLASSES = (2, 4, 8, 16, 32, 64, 128, 171)  # 171: COCO-Stuff
BATCHES = (1, 2, 4, 8, 16)
POINTS = {AREA: HEIGHTS, CLASSES: NUM_CLASSES, BATCH: BATCHES}
QUICK_POINTS = {AREA: (362, 724), CLASSES: (2, 32), BATCH: (1, 2)}
CLASSES_SIZE, BATCH_SIZE = (512, 1024), (256, 512)
MEASURED_SIZE = (512, 1024)  # of the scene for the statistics of BatchNorm
# Full-size scores that the host holds at a time: the sum, a padded window or the mean,
# the scores resized to the original size.
STOCK_COPIES = 4


def growth_cases(
    device: torch.device,
    *,
    only: Sequence[str] = tuple(QUANTITIES),
    points: Mapping[str, Sequence[int]] = POINTS,
) -> Iterator[Case]:
    """Make the cases: prediction and training step, at each point.

    Area: prediction by windows of 512x512 side by side, one at a time; points that
    stock has not the memory for are left out. Classes: 512x1024 pixels, one image to
    predict, two to train on. Batch: 256x512 pixels, 19 classes.

    Args:
        device: Of both.
        only: Of ``QUANTITIES``.
        points: For each quantity; heights of an image for the area.

    Raises:
        ValueError: If there is no such quantity.
    """
    unknown = [name for name in only if name not in QUANTITIES]
    if unknown:
        raise ValueError(f'no quantity {unknown}: choose among {list(QUANTITIES)}')
    for height in points[AREA] if AREA in only else ():
        network = narrow(size=(height, 2 * height), changes=WINDOWS)
        if fits_into_memory(network, device):
            yield predict_case(AREA, 2 * height**2, network, device)
        else:
            print(f'{height} x {2 * height} left out: stock needs more memory')
    for classes in points[CLASSES] if CLASSES in only else ():
        network = narrow(size=CLASSES_SIZE, num_classes=classes)
        yield predict_case(CLASSES, classes, network, device)
        yield train_case(CLASSES, classes, network, device, batch=2)
    for batch in points[BATCH] if BATCH in only else ():
        network = narrow(size=BATCH_SIZE)
        yield predict_case(BATCH, batch, network, device, batch=batch)
        yield train_case(BATCH, batch, network, device, batch=batch)


def narrow(
    *, size: Size, num_classes: int = 19, changes: Mapping[str, Any] | None = None
) -> Network:
    """Return the narrow network.

    Args:
        size: Of the image.
        num_classes: ``K``.
        changes: Of its config.
    """
    return replace(
        BASE, size=size, num_classes=num_classes, changes=NARROW | (changes or {})
    )


def predict_case(
    quantity: str, value: int, network: Network, device: torch.device, *, batch: int = 1
) -> Case:
    """Return a prediction, stock against ``fast_inference``.

    Args:
        quantity: What grows.
        value: Of it.
        network: Narrow.
        device: Of both.
        batch: Number of images.
    """
    cfg = network.config()
    stock = stock_segmentor(cfg, MEASURED_SIZE, device)
    ours = prepare_for_inference(lean_segmentor(cfg, stock))
    data = partial(plain_data, scenes(batch, network.size, device))
    work = prediction_work(cfg, stock, network)
    return Case(
        group=f'{quantity}, {PREDICTION}',
        name=f'{value}',
        stock=Contender('EncoderDecoder', prediction(stock, data, device), device),
        ours=Contender('fast_inference', prediction(ours, data, device), device),
        compare=partial(compare_labels, largest=LARGEST_SHARE),
        work=replace(work, multiply_adds=batch * work.multiply_adds),
        figures=dict(value=value, pixels=batch * network.size[0] * network.size[1]),
    )


def train_case(
    quantity: str, value: int, network: Network, device: torch.device, *, batch: int
) -> Case:
    """Return a training step, stock against ``LeanEncoderDecoder`` alone.

    Args:
        quantity: What grows.
        value: Of it.
        network: Narrow.
        device: Of both.
        batch: Number of images.
    """
    case = training_case(network, MODES['lean'], device, batch=batch)
    pixels = batch * network.size[0] * network.size[1]
    return replace(
        case,
        group=f'{quantity}, {TRAINING}',
        name=f'{value}',
        figures=dict(value=value, pixels=pixels),
    )


def fits_into_memory(network: Network, device: torch.device) -> bool:
    """Tell whether the host's prediction fits into four fifths of the memory.

    Args:
        network: Says classes and size.
        device: Its memory, or the machine's.
    """
    height, width = network.size
    need = STOCK_COPIES * 4 * network.num_classes * height * width
    if device.type == 'cuda':
        total = torch.cuda.get_device_properties(device).total_memory
    else:
        total = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    return need < 0.8 * total


GROWTH_COLUMNS = {
    'what grows': lambda row: row['group'],
    'value': lambda row: digits(row['figures']['value']),
    'stock, ms': lambda row: seconds_text(row, 'stock', unit=1e-3),
    'ours, ms': lambda row: seconds_text(row, 'ours', unit=1e-3),
    'times faster (range)': ratio_text,
    'stock, MB': lambda row: megabytes_text(row, 'stock'),
    'ours, MB': lambda row: megabytes_text(row, 'ours'),
    'times less memory': memory_ratio_text,
    'ours, bytes per pixel': lambda row: _bytes_per_pixel(row),
}


def _bytes_per_pixel(row: dict[str, Any]) -> str:
    peak = row['ours']['peak_bytes']
    return '-' if peak is None else digits(peak / row['figures']['pixels'])
