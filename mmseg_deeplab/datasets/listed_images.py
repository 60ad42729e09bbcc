"""What a data set lists, without reading it."""

from collections.abc import Iterator
from typing import Any

from mmengine.dataset import BaseDataset


def leaf_datasets(dataset: Any) -> Iterator[BaseDataset]:
    """Yield the data sets inside wrappers such as ``ConcatDataset``."""
    if inner := getattr(dataset, 'datasets', None):
        for part in inner:
            yield from leaf_datasets(part)
    elif inner := getattr(dataset, 'dataset', None):
        yield from leaf_datasets(inner)
    elif isinstance(dataset, BaseDataset):
        yield dataset


def listed_images(dataset: Any) -> list[dict[str, Any]]:
    """Return what a data set lists of each image, such as ``img_path``.

    A synthetic data set names virtual images and draws none of them.
    """
    return [
        BaseDataset.get_data_info(leaf, index)
        for leaf in leaf_datasets(dataset)
        for index in range(len(leaf))
    ]
