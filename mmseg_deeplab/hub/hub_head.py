"""The YAML head of a card, as model hubs read it.

It follows https://huggingface.co/docs/hub/model-cards: uploaded as ``README.md``, the
card is the page of the model.
"""

from typing import Any

import yaml

from .licences import Data
from .published_metrics import Figures

# An entry of the hub's list of licences: the publisher has named none.
UNKNOWN_LICENCE = 'unknown'
# Names of metrics on the hub.
HUB_METRICS = {'mIoU': 'mean_iou', 'aAcc': 'accuracy'}


def hub_head(
    name: str, data: Data, *, licence: str | None, figures: Figures | None
) -> str:
    """Return the head between its two lines of dashes.

    Args:
        name: Of the model.
        data: What it was trained on.
        licence: Of the weights.
        figures: An evaluation, or None.
    """
    head = {
        'license': licence or UNKNOWN_LICENCE,
        'library_name': 'mmseg_deeplab',
        'pipeline_tag': 'image-segmentation',
        'tags': [
            'semantic-segmentation',
            'deeplab',
            'mmsegmentation',
            'pytorch',
            data.slug,
        ],
        'metrics': ['mean_iou'],
    }
    if figures:
        head['model-index'] = [_results(name, data, figures)]
    return f'---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---'


def _results(name: str, data: Data, figures: Figures) -> dict[str, Any]:
    metrics = [
        dict(type=HUB_METRICS[name], name=name, value=value)
        for name, value in figures.overall.items()
        if name in HUB_METRICS
    ]
    task = dict(type='image-segmentation', name='Semantic segmentation')
    dataset = dict(type=data.slug, name=data.name)
    return dict(name=name, results=[dict(task=task, dataset=dataset, metrics=metrics)])
