"""Segments in the format of COCO panoptic: a PNG of ids, and JSON about each id."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from mmseg_deeplab.utils.array_files import save_image
from mmseg_deeplab.utils.json_files import read_json, write_json

from .overlay import number_segments
from .predictor import Segments


def write_segments(path: Path, segments: Segments, classes: Sequence[str]) -> None:
    """Write ``NAME.png`` and, before it, ``NAME.json``.

    The PNG is RGB; R + 256 G + 65536 B is the number of the pixel's segment, 0 for none
    (https://cocodataset.org/#format-results, panoptic). ``segments_info`` has for each
    number ``category_id``, the class's name, ``isthing``, ``area`` and ``score``.
    """
    infos = [
        dict(info, id=number, category=classes[info['category_id']])
        for number, info in enumerate(segments.infos, start=1)
    ]
    content = dict(file_name=path.name, segments_info=infos)
    write_json(path.with_suffix('.json'), content)
    numbers = number_segments(segments)
    rgb = np.stack([numbers & 255, numbers >> 8, np.zeros_like(numbers)], axis=-1)
    save_image(path, rgb.astype(np.uint8))


def count_instances(files: Iterable[Path]) -> dict[str, int]:
    """Return how many instances of each class the JSON files hold, most first."""
    counts: Counter[str] = Counter()
    for file in files:
        if file.is_file():
            infos = read_json(file)['segments_info']
            counts.update(info['category'] for info in infos if info['isthing'])
    return dict(counts.most_common())
