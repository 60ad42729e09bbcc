"""``growth``: how time and memory grow with the image area, the classes, the batch."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from .case import Case, Study
from .inference import MNV2, inference_cases
from .networks import Network
from .report import MEMORY, TIMES, column, per_pixel
from .training import MODES, training_case

# A narrow network, so that what grows around it shows, and minutes suffice.
NARROW = dict(
    backbone=dict(widen_factor=0.25), decode_head=dict(in_channels=80, channels=32)
)
WINDOWS = dict(test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(512, 512)))
# Heights of images that are twice as wide: 0.13 to 33.6 million pixels, for which stock
# holds 12 GB of logits; classes up to those of COCO-Stuff; images in a batch.
VALUES = {
    'area': (362, 512, 724, 1024, 1448, 2048, 2896, 4096),
    'classes': (2, 4, 8, 16, 32, 64, 128, 171),
    'batch': (1, 2, 4, 8, 16),
}
QUICK_VALUES = {'area': (362, 724), 'classes': (2, 32), 'batch': (1, 2)}
CLASSES_SIZE, BATCH_SIZE = (512, 1024), (256, 512)


def growth_cases(
    subject: tuple[str, Sequence[int]], variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make the cases of one quantity: predictions, and training steps."""
    quantity, values = subject
    for value in values:
        sizes = dict(area=(value, 2 * value), classes=CLASSES_SIZE, batch=BATCH_SIZE)
        classes = value if quantity == 'classes' else 19
        changes = NARROW | (WINDOWS if quantity == 'area' else {})
        batch = value if quantity == 'batch' else 1
        network = Network(
            'narrow', MNV2[1], classes, sizes[quantity], changes, batch=batch
        )
        cases = dict(prediction=inference_cases(network, ['fast'], device))
        if quantity != 'area':
            steps = 2 if quantity == 'classes' else batch
            case = training_case(network, MODES['lean'], device, batch=steps)
            cases['training step'] = [case]
        pixels = network.size[0] * network.size[1]
        for kind, made in cases.items():
            images = steps if kind != 'prediction' else batch
            facts = dict(value=pixels if quantity == 'area' else value)
            facts['pixels'] = images * pixels
            group, name = f'{quantity}, {kind}', f'{facts["value"]}'
            for case in made:
                yield replace(case, group=group, name=name, facts=facts)


STUDY = Study(
    help='how cost grows with image area, classes and batch',
    columns={
        'what grows': lambda row: row['group'],
        'value': column(lambda row: row['facts']['value']),
        **TIMES,
        **MEMORY,
        'ours, bytes per pixel': per_pixel('ours'),
    },
    subjects={name: (name, values) for name, values in VALUES.items()},
    quick={name: (name, values) for name, values in QUICK_VALUES.items()},
    cases=growth_cases,
)
