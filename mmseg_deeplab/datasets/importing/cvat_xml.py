"""CVAT for images 1.1: one XML file with all images."""

from functools import partial
from xml.etree import ElementTree

from mmseg_deeplab.datasets.class_list import hex_color
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_files import read_file
from mmseg_deeplab.utils.text_files import decode_text

from .annotated_images import AnnotatedImage, Annotations, Shape, class_name, need
from .shape_masks import (
    Patch,
    Size,
    as_ring,
    box_ring,
    ellipse_mask,
    paste,
    polygon_mask,
    runs_mask,
)
from .source_files import SPLITS, SourceFiles

Element = ElementTree.Element


def find(files: SourceFiles) -> list[str]:
    """Find the files by the name of their root: VOC's boxes are XML files, too."""
    return [p for p in files.ending('.xml') if b'<annotations' in _start(p)]


def _start(path: str) -> bytes:
    with open(path, 'rb') as file:
        return file.read(4096).replace(b'\0', b'')


def parse_xml(path: str) -> Element:
    """Parse XML; declarations of its own, which may grow, are refused."""
    text = decode_text(read_file(path, remedy='correct SRC'), path)
    need('<!DOCTYPE' not in text, f'{path}: declares entities (<!DOCTYPE)')
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f'{path}: is no XML: {error}') from error


def read(files: SourceFiles, found: list[str]) -> Annotations:
    result = Annotations()
    for path in found:
        with result.entry(path):
            root = parse_xml(path)
            labels = [
                one for one in root.iterfind('meta//labels/label')
                if one.findtext('type') not in ('tag', 'points', 'polyline', 'skeleton')
            ]  # fmt: skip
            for label in labels:
                name = class_name(label.findtext('name'))
                if name not in result.names:
                    result.names.append(name)
                if color := hex_color(label.findtext('color')):
                    result.colors[name] = color
            for image in root.iterfind('image'):
                with result.entry(f'{path}, image {image.get("name")!r}'):
                    _add(result, files, path, image)
    result.name_all()
    return result


def _add(result: Annotations, files: SourceFiles, path: str, image: Element) -> None:
    shapes = []
    for one in sorted(image, key=lambda one: int(one.get('z_order', 0))):
        shape = _shape(one)
        if shape is None:
            result.passed_over[one.tag] += 1
        else:
            shapes.append(shape)
    found = files.image(image.get('name'), path)
    subset = SPLITS.get((image.get('subset') or '').lower())
    result.images.append(
        AnnotatedImage(
            path=found,
            place=path,
            shapes=shapes,
            size=(int(image.get('height')), int(image.get('width'))),
            split=subset or files.split_of(found, path),
        )
    )


def _shape(one: Element) -> Shape | None:
    def numbers(*keys: str) -> list[float]:
        return [float(one.attrib[key]) for key in keys]

    angle = float(one.get('rotation', 0))
    if one.tag == 'polygon':
        pairs = [point.split(',') for point in one.attrib['points'].split(';')]
        draw = partial(polygon_mask, [[as_ring([[*map(float, p)] for p in pairs])]])
    elif one.tag == 'box':
        left, top, right, bottom = numbers('xtl', 'ytl', 'xbr', 'ybr')
        box = box_ring(left, top, right - left, bottom - top, angle)
        draw = partial(polygon_mask, [[box]])
    elif one.tag == 'ellipse':
        draw = partial(ellipse_mask, *numbers('cx', 'cy', 'rx', 'ry'), angle)
    elif one.tag == 'mask':
        left, top, width, height = map(int, numbers('left', 'top', 'width', 'height'))
        counts = [int(count) for count in one.attrib['rle'].split(',')]
        draw = partial(_runs, counts, left, top, (height, width))
    else:
        return None
    return Shape(class_name(one.get('label')), draw)


def _runs(counts: list[int], left: int, top: int, box: Size, size: Size) -> Patch:
    need(
        0 < box[0] <= size[0] and 0 < box[1] <= size[1],
        f'a mask of height and width {box} in an image of {size}',
    )
    return paste(runs_mask(counts, box, order='C'), left, top, size)
