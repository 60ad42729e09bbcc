"""``growth``: how time and memory grow with the image area, the classes, the batch."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .case import Case, Study
from .inference import (
    LARGEST_SHARE,
    MNV2,
    compare_labels,
    prediction,
)
from .networks import Network, Size, lean_segmentor, scenes, stock_segmentor
from .report import MEMORY, TIMES, digits, memory_bytes, per_pixel
from .training import MODES, training_case

# A narrow network, so that what grows around it shows, and minutes suffice.
NARROW = dict(
    backbone=dict(widen_factor=0.25), decode_head=dict(in_channels=80, channels=32)
)
WINDOWS = dict(test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(512, 512)))
# Images are twice as wide as high: 0.13 to 33.6 million pixels.
HEIGHTS = (362, 512, 724, 1024, 1448, 2048, 2896, 4096)
NUM_CLASSES = (2, 4, 8, 16, 32, 64, 128, 171)  # 171: COCO-Stuff
BATCHES = (1, 2, 4, 8, 16)
CLASSES_SIZE, BATCH_SIZE = (512, 1024), (256, 512)
MEASURED_SIZE = (512, 1024)  # of the scene for the statistics of BatchNorm
# Stock holds this many full-size logits at a time: the sum, a padded window or the
# mean, and the logits resized to the original size.
STOCK_COPIES = 4


def growth_cases(
    subject: tuple[str, Sequence[int]], variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make the cases of one quantity: predictions, and training steps.

    Area: predictions in windows of 512x512 side by side, one at a time. Sizes for which
    stock does not have enough memory are left out. Classes: 512x1024 pixels, one image
    to predict, two to train on. Batch: 256x512 pixels, 19 classes.
    """
    quantity, values = subject
    for value in values:
        if quantity == 'area':
            network = narrow((value, 2 * value), changes=WINDOWS)
            if fits_into_memory(network, device):
                yield predict_case(quantity, 2 * value**2, network, device)
            else:
                print(f'{value} x {2 * value} left out: stock needs more memory')
            continue
        batch = 1
        if quantity == 'classes':
            network = narrow(CLASSES_SIZE, num_classes=value)
        else:
            network, batch = narrow(BATCH_SIZE), value
        yield predict_case(quantity, value, network, device, batch=batch)
        batch = 2 if quantity == 'classes' else value
        case = training_case(network, MODES['lean'], device, batch=batch)
        facts = _facts(value, network, batch)
        group = f'{quantity}, training step'
        yield replace(case, group=group, name=f'{value}', facts=facts)


def narrow(
    size: Size, *, num_classes: int = 19, changes: Mapping[str, Any] | None = None
) -> Network:
    """Return the narrow network for images of one size."""
    name = f'{MNV2[0]}, narrow'
    return Network(name, MNV2[1], num_classes, size, NARROW | (changes or {}))


def predict_case(
    quantity: str, value: int, network: Network, device: torch.device, *, batch: int = 1
) -> Case:
    """Return a prediction, stock against ``fast_inference``."""
    cfg = network.config()
    stock = stock_segmentor(cfg, MEASURED_SIZE, device)
    ours = prepare_for_inference(lean_segmentor(cfg, stock))
    images = scenes(batch, network.size, device)
    return Case(
        group=f'{quantity}, prediction',
        name=f'{value}',
        stock=prediction(stock, images),
        ours=prediction(ours, images),
        compare=partial(compare_labels, largest=LARGEST_SHARE),
        device=device,
        facts=_facts(value, network, batch),
    )


def _facts(value: int, network: Network, batch: int) -> dict[str, float]:
    return dict(value=value, pixels=batch * network.size[0] * network.size[1])


def fits_into_memory(network: Network, device: torch.device) -> bool:
    """Tell whether the stock prediction fits into four fifths of the memory."""
    height, width = network.size
    total = memory_bytes()
    if device.type == 'cuda':
        total = torch.cuda.get_device_properties(device).total_memory
    return STOCK_COPIES * 4 * network.num_classes * height * width < 0.8 * total


STUDY = Study(
    help='how cost grows with image area, classes and batch',
    columns={
        'what grows': lambda row: row['group'],
        'value': lambda row: digits(row['facts']['value']),
        **TIMES,
        **MEMORY,
        'ours, bytes per pixel': lambda row: per_pixel(row, 'ours'),
    },
    subjects={
        'area': ('area', HEIGHTS),
        'classes': ('classes', NUM_CLASSES),
        'batch': ('batch', BATCHES),
    },
    quick={
        'area': ('area', (362, 724)),
        'classes': ('classes', (2, 32)),
        'batch': ('batch', (1, 2)),
    },
    cases=growth_cases,
)
