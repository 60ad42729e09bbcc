"""One scene, written in every format that ``import-data`` reads, by plain code.

Two images of 16x12 pixels. The first has a cell, and a dish that is drawn later and
covers a corner of it; the second has the dish alone.
"""

import base64
import io
import json
import zlib
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

H, W = 12, 16
CELL, DISH = (3, 2, 9, 8), (6, 5, 12, 10)  # left, top, right, bottom
OBJECTS = {'a': [('cell', CELL), ('dish', DISH)], 'b': [('dish', DISH)]}
NAMES = ('cell', 'dish')
COLORS = {'background': (0, 0, 0), 'cell': (200, 30, 40), 'dish': (10, 90, 220)}


def area(box: tuple[int, int, int, int]) -> np.ndarray:
    """Return the mask of a box."""
    left, top, right, bottom = box
    mask = np.zeros((H, W), np.uint8)
    mask[top:bottom, left:right] = 1
    return mask


def expected(stem: str) -> np.ndarray:
    """Return the class ids of an image: 0 background, 1 cell, 2 dish."""
    ids = np.zeros((H, W), np.uint8)
    for name, box in OBJECTS[stem]:
        ids[area(box) == 1] = NAMES.index(name) + 1
    return ids


def corners(box: tuple[int, int, int, int]) -> list[tuple[int, int]]:
    left, top, right, bottom = box
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def save_image(path: Path) -> None:
    """Save pixels that depend on the name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.RandomState(zlib.crc32(path.stem.encode()))
    pixels = random.randint(0, 256, (H, W, 3), np.uint8)
    cv2.imwrite(str(path), pixels)


def save_mask(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(array, np.uint8)).save(path)


def save_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def runs(values: np.ndarray) -> list[int]:
    """Return run lengths, beginning with zeros."""
    counts = [len(list(group)) for _, group in groupby(values)]
    return counts if values[0] == 0 else [0, *counts]


def brush(mask: np.ndarray) -> list[int]:
    """Encode a mask as Label Studio does, every second value in a run of its own."""
    values = np.repeat(mask.ravel() * 255, 4)
    sizes = ''.join(f'{size:04b}' for size in (0, 3, 7, 9))
    bits = f'{len(values):032b}{7:05b}{sizes}'
    for value, group in groupby(values):
        count = len(list(group))
        while count:
            taken = min(count, 4)
            if taken < 4:  # one after another
                bits += '0' + '01' + f'{taken - 1:04b}' + f'{value:08b}' * taken
            else:
                taken = min(count, 256)
                bits += '1' + '10' + f'{taken - 1:08b}' + f'{value:08b}'
            count -= taken
    bits += '0' * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def labelme(root: Path) -> None:
    for stem, objects in OBJECTS.items():
        save_image(root / f'{stem}.png')
        shapes = [
            dict(label=name, points=corners(box), shape_type='polygon')
            for name, box in objects
        ]
        if stem == 'a':  # another type for the same pixels
            shapes[0] |= dict(points=[(9, 8), (3, 2)], shape_type='rectangle')
            shapes.append(dict(label='cell', points=[(1, 1)], shape_type='point'))
        content = dict(shapes=shapes, imagePath=f'..\\x\\{stem}.png')
        save_json(root / f'{stem}.json', content | dict(imageHeight=H, imageWidth=W))


def coco_file(segmentation: Callable) -> dict:
    ids = {'cell': 7, 'dish': 9}
    return dict(
        images=[
            dict(id=i, file_name=f'{stem}.png', height=H, width=W)
            for i, stem in enumerate(OBJECTS)
        ],
        categories=[dict(id=9, name='dish'), dict(id=7, name='cell')],
        annotations=[
            dict(image_id=i, category_id=ids[name], segmentation=segmentation(box))
            for i, stem in enumerate(OBJECTS)
            for name, box in OBJECTS[stem]
        ],
    )


def coco_images(root: Path) -> None:
    for stem in OBJECTS:
        save_image(root / 'images' / f'{stem}.png')


def coco(root: Path) -> None:
    coco_images(root)
    content = coco_file(lambda box: [np.ravel(corners(box)).tolist()])
    save_json(root / 'annotations' / 'instances.json', content)


def coco_runs(root: Path) -> None:
    coco_images(root)
    content = coco_file(
        lambda box: dict(size=[H, W], counts=runs(area(box).ravel(order='F')))
    )
    content['annotations'][0]['iscrowd'] = 1
    save_json(root / 'instances.json', content)


def coco_panoptic(root: Path) -> None:
    coco_images(root)
    segments = {'background': 5, 'cell': 300, 'dish': 70000}
    entries = []
    for i, stem in enumerate(OBJECTS):
        ids = np.array([*segments.values()])[expected(stem)]
        png = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=2)
        save_mask(root / 'panoptic_x' / f'{stem}.png', png)
        info = [
            dict(id=number, category_id=place)
            for place, number in enumerate(segments.values())
            if (ids == number).any()
        ]
        entries.append(dict(image_id=i, file_name=f'{stem}.png', segments_info=info))
    content = coco_file(lambda box: None) | dict(annotations=entries)
    content['categories'] = [dict(id=i, name=n) for i, n in enumerate(segments)]
    save_json(root / 'panoptic_x.json', content)


def cvat_xml(root: Path, shape: Callable) -> None:
    images = []
    for stem, objects in OBJECTS.items():
        save_image(root / 'images' / f'{stem}.png')
        shapes = ''.join(
            shape(name, box, order) for order, (name, box) in enumerate(objects)
        )
        images.append(
            f'<image id="0" name="{stem}.png" width="{W}" height="{H}">'
            f'<tag label="night"/>{shapes}</image>'
        )
    labels = ''.join(f'<label><name>{name}</name></label>' for name in NAMES)
    (root / 'annotations.xml').write_text(
        '<?xml version="1.0" encoding="utf-8"?><annotations><meta><task><labels>'
        f'{labels}</labels></task></meta>{"".join(images)}</annotations>'
    )


def cvat(root: Path) -> None:
    def shape(name: str, box: tuple, order: int) -> str:
        points = ';'.join(f'{x:.2f},{y:.2f}' for x, y in corners(box))
        return f'<polygon label="{name}" points="{points}" z_order="{order}"/>'

    cvat_xml(root, shape)


def cvat_runs(root: Path) -> None:
    def shape(name: str, box: tuple, order: int) -> str:
        left, top, right, bottom = box
        if name == 'dish':
            return (
                f'<box label="dish" xtl="{left}" ytl="{top}" xbr="{right}" '
                f'ybr="{bottom}" z_order="{order}"/>'
            )
        rle = f'0, {(right - left) * (bottom - top)}'
        return (
            f'<mask label="{name}" rle="{rle}" left="{left}" top="{top}" '
            f'width="{right - left}" height="{bottom - top}" z_order="{order}"/>'
        )

    cvat_xml(root, shape)


def color_masks(root: Path) -> None:
    rows = [f'{name}:{r},{g},{b}::' for name, (r, g, b) in COLORS.items()]
    palette = np.array([*COLORS.values()], np.uint8)
    for stem in OBJECTS:
        save_image(root / 'JPEGImages' / f'{stem}.png')
        save_mask(root / 'SegmentationClass' / f'{stem}.png', palette[expected(stem)])
    (root / 'labelmap.txt').write_text('\n'.join(rows))


def label_studio(root: Path) -> None:
    tasks = []
    for stem, objects in OBJECTS.items():
        save_image(root / f'{stem}.png')
        results = []
        for name, box in objects:
            if name == 'dish':
                points = np.array(corners(box)) * [100 / W, 100 / H]
                kind, value = 'polygonlabels', dict(points=points.tolist())
            else:
                kind, value = 'brushlabels', dict(format='rle', rle=brush(area(box)))
            size = dict(original_width=W, original_height=H)
            results.append(size | dict(type=kind, value=value | {kind: [name]}))
        address = f'/data/upload/1/0a1b2c3d-{stem}.png'
        annotation = dict(result=results, was_cancelled=False)
        tasks.append(dict(data=dict(image=address), annotations=[annotation]))
    save_json(root / 'project.json', tasks)


def yolo(root: Path) -> None:
    for stem, split in (('a', 'train'), ('b', 'valid')):
        save_image(root / split / 'images' / f'{stem}.png')
        lines = []
        for name, box in OBJECTS[stem]:
            points = (np.array(corners(box)) / (W, H)).ravel()
            lines.append(' '.join(map(str, [NAMES.index(name), *points.tolist()])))
        (root / split / 'labels').mkdir()
        (root / split / 'labels' / f'{stem}.txt').write_text('\n'.join(lines))
    (root / 'data.yaml').write_text('nc: 2\nnames:\n  0: cell\n  1: dish\n')


def roboflow(root: Path) -> None:
    for stem, split in (('a', 'train'), ('b', 'valid')):
        save_image(root / split / f'{stem}.jpg')
        save_mask(root / split / f'{stem}_mask.png', expected(stem))
        rows = 'Pixel Value, Class\n0, background\n1, cell\n2, dish\n'
        (root / split / '_classes.csv').write_text(rows)


def supervisely(root: Path) -> None:
    classes = [dict(title=n, color=f'#{bytes(COLORS[n]).hex()}') for n in NAMES]
    save_json(root / 'meta.json', dict(classes=classes))
    for stem, objects in OBJECTS.items():
        save_image(root / 'ds' / 'img' / f'{stem}.png')
        shapes = []
        for name, (left, top, right, bottom) in objects:
            if name == 'dish':  # its points are pixels
                inner = (left, top, right - 1, bottom - 1)
                points = dict(exterior=corners(inner), interior=[])
                shape = dict(geometryType='polygon', points=points)
            else:
                stream = io.BytesIO()
                ones = np.full((bottom - top, right - left), 255, np.uint8)
                Image.fromarray(ones).save(stream, 'PNG')
                data = base64.b64encode(zlib.compress(stream.getvalue())).decode()
                bitmap = dict(data=data, origin=[left, top])
                shape = dict(geometryType='bitmap', bitmap=bitmap)
            shapes.append(shape | dict(classTitle=name))
        content = dict(size=dict(height=H, width=W), objects=shapes, tags=[])
        save_json(root / 'ds' / 'ann' / f'{stem}.png.json', content)


def class_masks(root: Path) -> None:
    for stem, objects in OBJECTS.items():
        save_image(root / 'images' / f'{stem}.jpg')
        for name, box in objects:
            save_mask(root / 'masks' / name / f'{stem}.png', area(box) * 255)


WRITERS = {
    'labelme': labelme,
    'coco': coco,
    'coco, runs': coco_runs,
    'coco-panoptic': coco_panoptic,
    'cvat': cvat,
    'cvat, runs': cvat_runs,
    'label-studio': label_studio,
    'yolo': yolo,
    'roboflow': roboflow,
    'supervisely': supervisely,
    'color-masks': color_masks,
    'class-masks': class_masks,
}
