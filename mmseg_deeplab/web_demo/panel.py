"""The HTML of the results: picture, overlay and legend of each model.

The image and the label map of a panel travel inside the HTML, as large as a screen has
use for; ``viewer.js`` paints them. So the slider, the class under the pointer and one
class alone need no server, and no address leads to a visitor's image.
"""

import base64
import html
import io
import json
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from mmseg_deeplab.inference.overlay import class_shares

from .scene import Choice, Result, Scene

LONGEST_EDGE = 1600  # px: a wide screen has no use for more; downloads are whole
JPEG_QUALITY = 92


def panels_html(
    scene: Scene, *, classes: Sequence[Sequence[str]], palettes: Sequence[list]
) -> str:
    """Return the HTML of everything that the scene shows.

    Args:
        scene: With a result of each choice that is shown.
        classes: Names of the classes of each shown model.
        palettes: Their RGB colours.
    """
    image = _image_url(scene.image)
    numbers = ['1. ', '2. '] if len(scene.shown) > 1 else ['']
    panels = [
        _panel(number + choice.model, choice, scene.results[choice], image, *look)
        for number, choice, *look in zip(
            numbers, scene.shown, classes, palettes, strict=True
        )
    ]
    return f'<div class="panels panels-{len(panels)}">{"".join(panels)}</div>'


def _panel(
    heading: str,
    choice: Choice,
    result: Result,
    image: str,
    classes: Sequence[str],
    palette: list,
) -> str:
    height, width = result.labels.shape
    shown = _shrink(result.labels, cv2.INTER_NEAREST)
    rows, columns = shown.shape
    notes = [*choice.switches, f'{width} &times; {height} px']
    return f"""
<section class="panel">
  <h3>{html.escape(heading)}</h3>
  <p class="notes">{' · '.join(notes)}<span class="seconds"> · {result.seconds:.2f} s
  </span></p>
  <div class="picture" style="aspect-ratio: {columns} / {rows}">
    <img src="{image}" alt="the image" draggable="false">
    <canvas width="{columns}" height="{rows}"></canvas>
    <output class="pointed"></output>
    <div class="data" hidden>{_data(shown, classes, palette)}</div>
  </div>
  {_legend(100 * class_shares(result.labels, len(classes)), classes, palette)}
</section>"""


def _data(labels: np.ndarray, classes: Sequence[str], palette: list) -> str:
    packed = base64.b64encode(zlib.compress(labels.astype('<u2').tobytes()))
    data = dict(labels=packed.decode(), classes=list(classes), palette=palette)
    return html.escape(json.dumps(data))


def _legend(shares: np.ndarray, classes: Sequence[str], palette: list) -> str:
    present = [k for k in np.argsort(-shares, kind='stable') if shares[k] > 0]
    rows = ''.join(
        f'<li><button type="button" data-label="{k}" aria-pressed="false">'
        f'<i style="background: rgb{tuple(map(int, palette[k]))}"></i>'
        f'<span>{html.escape(classes[k])}</span><b>{_percent(shares[k])}</b></button>'
        f'<u style="width: {shares[k]:.2f}%"></u></li>'
        for k in present
    )
    absent = [html.escape(classes[k]) for k in range(len(classes)) if not shares[k]]
    rest = f'<p class="absent">Not found: {", ".join(absent)}</p>' if absent else ''
    return f'<div class="legend"><ol>{rows}</ol>{rest}</div>'


def _percent(share: float) -> str:
    return f'{share:.1f} %' if share >= 0.05 else '&lt; 0.1 %'


def _image_url(image: np.ndarray) -> str:
    file = io.BytesIO()
    picture = Image.fromarray(_shrink(image, cv2.INTER_AREA))
    picture.save(file, 'JPEG', quality=JPEG_QUALITY, subsampling=0)
    return f'data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}'


def _shrink(array: np.ndarray, interpolation: int) -> np.ndarray:
    """Shrink an image or a label map to what the page shows; never enlarge."""
    height, width = array.shape[:2]
    ratio = LONGEST_EDGE / max(height, width)
    if ratio >= 1:
        return array
    size = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return cv2.resize(array, size, interpolation=interpolation)
