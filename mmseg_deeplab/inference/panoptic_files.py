"""Segments in the format of COCO panoptic: a PNG of ids, and JSON about each id."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.json_files import read_json

from .overlay import number_segments
from .predictor import Segments


def write_segments(path: Path, segments: Segments, classes: Sequence[str]) -> None:
    """Write ``NAME.png`` and, before it, ``NAME.json``.

    The PNG is RGB; R + 256 G + 65536 B is the number of the pixel's segment, 0 where
    there is none (https://cocodataset.org/#format-results, panoptic). ``segments_info``
    has an entry for each number: ``id``, ``category_id``, the class's name as
    ``category``, ``isthing``, ``area`` and ``score``.
    """
    infos = [
        dict(info, id=number, category=classes[info['category_id']])
        for number, info in enumerate(segments.infos, start=1)
    ]
    content = dict(file_name=path.name, segments_info=infos)
    write_whole(json.dumps(content, indent=1).encode(), path.with_suffix('.json'))
    numbers = number_segments(segments)
    # OpenCV takes blue, green, red.
    bgr = np.stack([np.zeros_like(numbers), numbers >> 8, numbers & 255], axis=-1)
    write_whole(cv2.imencode('.png', bgr.astype(np.uint8))[1].tobytes(), path)


def count_instances(files: Iterable[Path]) -> dict[str, int]:
    """Return how many instances of each class the JSON files hold, most first."""
    counts: Counter[str] = Counter()
    for file in files:
        if file.is_file():
            infos = read_json(file)['segments_info']
            counts.update(info['category'] for info in infos if info['isthing'])
    return dict(counts.most_common())
