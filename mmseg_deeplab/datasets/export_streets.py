"""Write SyntheticStreets in the layout of another data set, to try its configs."""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
from mmengine.utils import track_iter_progress

from mmseg_deeplab.ops.panoptic_ids import class_map
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.value_checks import require_one_of

from .street_layouts import LAYOUTS
from .street_scenes import render_panoptic
from .street_scenes.scene_options import check_integer, check_scene

MARKER = 'synthetic_streets.json'  # says what the folder was made from
RENDERER = 1  # raise it when scenes change: old and new ones must not mix


@dataclass(frozen=True)
class Request:
    """What to write: a key of ``LAYOUTS``, numbers of scenes, ``(H, W)``, a collection.

    Where the data set has a test split, it gets ``num_val`` scenes, too.
    """

    layout: str
    num_train: int = 200
    num_val: int = 50
    size: tuple[int, int] = (256, 512)
    seed: int = 0

    def __post_init__(self) -> None:
        require_one_of('layout', self.layout, LAYOUTS)
        check_integer('num_train', self.num_train, 1)
        check_integer('num_val', self.num_val, 1)
        check_scene('train', 0, self.size, self.seed)


def export_streets(out: str | Path, request: Request) -> Path:
    """Write a data set below ``out``, and return the ``data_root`` for a config.

    A stopped run can be repeated. Another data set in the place is a FileExistsError.
    """
    layout = LAYOUTS[request.layout]
    root = Path(out) / layout.root
    _mark_folder(root, request)
    lists = defaultdict(list)
    scenes = []
    for part in layout.parts:
        count = request.num_train if part.stream == 'train' else request.num_val
        first = part.skip * count
        scenes += [(part, index) for index in range(first, first + count)]
    for part, index in track_iter_progress(scenes):
        names = vars(part) | dict(
            folder=part.folder or part.stream, index=index, number=index + 1
        )
        image = root / layout.image.format(**names)
        label = root / layout.label.format(**names)
        for name in part.lists:
            lists[name].append(f'{image.stem}\n')
        instances = layout.instances and root / layout.instances.format(**names)
        if all(file.exists() for file in (image, label, instances) if file):
            continue
        pixels, ids = render_panoptic(part.stream, index, request.size, request.seed)
        write_whole(cv2.imencode(image.suffix, pixels)[1].tobytes(), image)
        write_whole(layout.encode(layout.ids[class_map(ids)]), label)
        if instances:
            write_whole(layout.encode_instances(ids), instances)
    # Last, when all files are there.
    texts = layout.texts | {name: ''.join(stems) for name, stems in lists.items()}
    for name, text in texts.items():
        write_whole(text.encode(), root / name)
    return root


def _mark_folder(root: Path, request: Request) -> None:
    """Put a description of the request into an empty folder, or find it there."""
    marker = root / MARKER
    described = {**asdict(request), 'size': list(request.size), 'renderer': RENDERER}
    wanted = json.dumps(described, indent=2)
    if marker.is_file():
        if marker.read_text() == wanted:
            return
        raise FileExistsError(
            f'{root}: holds synthetic streets made with other settings '
            f'({marker.read_text()}). Remedy: remove the folder, or give another --out.'
        )
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise FileExistsError(
            f'{root}: exists and is not empty, and has no {MARKER}: this may be a real '
            'data set. Remedy: give another --out.'
        )
    write_whole(wanted.encode(), marker)
