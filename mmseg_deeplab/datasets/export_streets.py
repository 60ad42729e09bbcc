"""Write SyntheticStreets in the layout of another data set.

Every config for these data sets can then be tried without a download.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
from mmengine.utils import track_progress

from mmseg_deeplab.utils.atomic_files import write_whole

from .street_layouts import LAYOUTS, Layout
from .street_scenes import render_scene
from .street_scenes.scene_options import check_integer, check_size

MARKER = 'synthetic_streets.json'  # says what the folder was made from
RENDERER = 1  # raise it when scenes change: old and new ones must not mix


@dataclass(frozen=True)
class Request:
    """What to write.

    Args:
        layout: A key of ``street_layouts.LAYOUTS``.
        num_train: Number of training scenes.
        num_val: Number of scenes to validate, and to test where the data set does.
        size: Height and width in pixels.
        seed: Number of the collection.
    """

    layout: str
    num_train: int = 200
    num_val: int = 50
    size: tuple[int, int] = (256, 512)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.layout not in LAYOUTS:
            raise ValueError(
                f'layout is {self.layout!r}, expected one of {tuple(LAYOUTS)}'
            )
        check_integer('num_train', self.num_train, 1)
        check_integer('num_val', self.num_val, 1)
        check_integer('seed', self.seed, 0)
        check_size(self.size)

    def describe(self) -> dict:
        """Everything that the files depend on, as JSON holds it."""
        return {**asdict(self), 'size': list(self.size), 'renderer': RENDERER}


@dataclass(frozen=True)
class Scene:
    """One scene and the two files that it becomes."""

    stream: str
    index: int
    image: Path
    label: Path
    lists: tuple[str, ...]


def export_streets(out: str | Path, request: Request) -> Path:
    """Write a data set; a stopped run can be repeated and goes on where it stopped.

    Args:
        out: The folder to write to; some layouts have their root below it.
        request: What to write.

    Returns:
        The ``data_root`` for a config.

    Raises:
        FileExistsError: If there is another data set in the place.
    """
    layout = LAYOUTS[request.layout]
    root = Path(out) / layout.root
    _claim(root, request)
    scenes = list(_scenes(root, layout, request))
    write = _scene_writer(layout, request)
    track_progress(write, [scene for scene in scenes if not _is_written(scene)])
    # Last, when all files are there.
    for name, text in (layout.texts | _lists(scenes)).items():
        write_whole(text.encode(), root / name)
    return root


def _claim(root: Path, request: Request) -> None:
    """Mark an empty folder as ours, or find our own mark of the same request."""
    marker = root / MARKER
    wanted = json.dumps(request.describe(), indent=2)
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


def _scenes(root: Path, layout: Layout, request: Request) -> Iterator[Scene]:
    """Name the two files of each scene."""
    for part in layout.parts:
        count = request.num_train if part.stream == 'train' else request.num_val
        first = part.skip * count
        for index in range(first, first + count):
            yield Scene(
                stream=part.stream,
                index=index,
                image=root / part.image.format(index=index, number=index + 1),
                label=root / part.label.format(index=index, number=index + 1),
                lists=part.lists,
            )


def _is_written(scene: Scene) -> bool:
    return scene.image.exists() and scene.label.exists()


def _scene_writer(layout: Layout, request: Request) -> Callable[[Scene], None]:
    """Make the function that draws one scene and writes its two files."""

    def write(scene: Scene) -> None:
        image, label = render_scene(
            scene.stream, scene.index, request.size, request.seed
        )
        _, content = cv2.imencode(scene.image.suffix, image)
        write_whole(content.tobytes(), scene.image)
        write_whole(layout.encode(layout.ids[label]), scene.label)

    return write


def _lists(scenes: list[Scene]) -> dict[str, str]:
    """Give the lists of the scenes' names, by file."""
    names = defaultdict(list)
    for scene in scenes:
        for name in scene.lists:
            names[name].append(scene.image.stem)
    return {name: '\n'.join(stems) + '\n' for name, stems in names.items()}
