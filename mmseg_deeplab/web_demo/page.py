"""The page: its components, and what happens when a visitor does something."""

import functools
import html
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from gradio.components import Component
from gradio.processing_utils import save_bytes_to_cache
from PIL import Image

from mmseg_deeplab.inference import read_image
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.raster_reader import read_bands

from .demo_models import Choice, DemoModel
from .results import Result, Scene, shrink, to_png
from .scripts import INTO_VIEW, ON_LOAD, REFUSED_FILE

TITLE = 'Semantic segmentation'
SIDES = 2
NO_MODEL = 'nothing'
OPACITY = 60  # percent
INPUT_HEIGHT = 260  # px
DELETE_EVERY, DELETE_AFTER = 60, 3600  # seconds: files of visitors on the disk
HINT = (
    'Point at a class to see it alone, click it to keep it so on both sides; point at '
    'the image to see through the colours.'
)
OUT_OF_MEMORY = (
    'The memory of the device is not enough for this image. Remedy: make it smaller, '
    'or switch multi-scale or CRF off.'
)
TOO_LONG = (
    'The prediction takes longer than %g s and was given up. Remedy: make the image '
    'smaller, or switch multi-scale or CRF off.'
)
TOO_BUSY = 'The server has not come to this image in %g s. Remedy: try again later.'
EVENT = dict(api_visibility='private')
# One prediction at a time: events of one concurrency id wait for each other.
PREDICTION = dict(
    EVENT, concurrency_limit=1, concurrency_id='device', trigger_mode='always_last'
)


def shown_in_page(handler: Callable) -> Callable:
    """Turn the expected exceptions of a handler into messages, which are not logged."""

    @functools.wraps(handler)
    def run(*args: Any) -> Any:
        try:
            return handler(*args)
        except (ValueError, TypeError, OSError, torch.OutOfMemoryError) as error:
            is_memory = isinstance(error, torch.OutOfMemoryError)
            text = OUT_OF_MEMORY if is_memory else str(error)
            # gradio shows messages as HTML.
            raise gr.Error(html.escape(text), print_exception=False) from error

    return run


class OneJob:
    """Runs one job after another, in a thread; nobody waits longer than ``seconds``.

    A longer job goes on to its end, as threads cannot be stopped.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._thread = seconds, ThreadPoolExecutor(1)

    def in_time(self, handler: Callable) -> Callable:
        """Return a handler that runs in the thread, or raises InputError."""

        @functools.wraps(handler)
        def run(*args: Any) -> Any:
            job = self._thread.submit(handler, *args)
            wait([job], timeout=self._seconds)
            if job.done():
                return job.result()
            raise InputError((TOO_BUSY if job.cancel() else TOO_LONG) % self._seconds)

        return run


class Predictions:
    """What the page does with the models; ``folder`` is where downloads are kept."""

    def __init__(
        self, models: dict[str, DemoModel], *, max_pixels: int, folder: str | Path
    ) -> None:
        self.models, self.max_pixels, self.folder = models, max_pixels, str(folder)

    def update(
        self, path: str | None, scene: Scene | None, percent: float, *switches: Any
    ) -> list[Any]:
        """Predict an image by the chosen models, as far as it is not done yet.

        ``scene`` is what the last call has returned, ``switches`` are model, CRF and
        multi-scale of each side. Returns what changes, in the order of the outputs.
        """
        if path is None:
            return [None, *(1 + 4 * SIDES) * [_hidden()]]
        if scene is None or scene.path != path:
            scene = self.open(path)
        image, opacity = shrink(scene.image), percent / 100
        shown, sides = [image], []
        for name, crf, tta in zip(*(iter(switches),) * 3, strict=True):
            if name == NO_MODEL:
                continue
            choice = self.models[name].choose(crf=crf, tta=tta)
            result = self.result(scene, choice)
            shown.append(result.overlay(image, opacity))
            masks, colours = result.annotations(opacity)
            sides += [
                _shown(_heading(choice, result)),
                _shown((image, masks), color_map=colours),
                *self._downloads(scene, choice, opacity),
            ]
        sides += (4 * SIDES - len(sides)) * [_hidden()]
        return [scene, _shown(tuple(shown[-2:])), *sides]

    def open(self, path: str) -> Scene:
        """Read an image; refuse one that is too large."""
        # Messages name the file without the folders of the server.
        file, limit = Path(path), self.max_pixels
        model = next(iter(self.models.values()))
        bands = model.predictor(crf=model.crf, tta=False).bands
        if bands is not None:
            values, _ = read_bands(path, bands, max_pixels=limit, name=file.name)
            return Scene(path, bands.rgb(values), values=values)
        image = read_image(file.read_bytes(), max_pixels=limit, name=file.name)
        return Scene(path, image)

    def result(self, scene: Scene, choice: Choice) -> Result:
        """Return the prediction of a choice, computed once."""
        if choice not in scene.results:
            model = self.models[choice.model]
            predictor = model.predictor(crf=choice.crf, tta=choice.tta)
            start = time.perf_counter()  # after loading
            (prediction,) = predictor.predict([scene.seen])
            seconds = time.perf_counter() - start
            names = predictor.classes, predictor.palette
            scene.results[choice] = Result(
                prediction.labels, seconds, *names, prediction.segments
            )
        return scene.results[choice]

    def _downloads(self, scene: Scene, choice: Choice, opacity: float) -> list[Any]:
        """Write labels and overlay, and return the updates of both buttons."""
        result = scene.results[choice]
        overlay = Image.fromarray(result.overlay(scene.image, opacity))
        files = dict(labels=result.labels_png(), overlay=to_png(overlay))
        names = (scene.file_name(choice, kind) for kind in files)
        pairs = zip(files.values(), names, strict=True)
        return [_shown(save_bytes_to_cache(*pair, self.folder)) for pair in pairs]


def _heading(choice: Choice, result: Result) -> str:
    height, width = result.labels.shape
    name, *on = choice.words
    size, seconds = f'{width} x {height} px', f'{result.seconds:.2f} s'
    return ' · '.join([f'**{name}**', *on, size, seconds])


def _shown(value: Any, **properties: Any) -> dict[str, Any]:
    return gr.update(value=value, visible=True, **properties)


def _hidden() -> dict[str, Any]:
    return gr.update(value=None, visible=False)


def switch_settings(model: DemoModel | None) -> list[dict[str, Any]]:
    """Return how CRF and multi-scale look: hidden without a model."""
    if model is None:
        return [dict(value=False, visible=False)] * 2
    return [
        dict(info=why_not or info, value=value, interactive=not why_not, visible=True)
        for why_not, info, value in (
            (model.why_no_crf, 'draws borders along colours', model.crf),
            (model.why_no_tta, 'averages several sizes: slow', False),
        )
    ]


def build_page(
    predictions: Predictions,
    limits: str,
    examples: Sequence[Path],
    *,
    max_bytes: int,
    max_seconds: float,
) -> gr.Blocks:
    """Lay the page out and connect it; ``limits`` is a sentence on sizes."""
    update = shown_in_page(OneJob(max_seconds).in_time(predictions.update))
    with gr.Blocks(
        title=TITLE, analytics_enabled=False, delete_cache=(DELETE_EVERY, DELETE_AFTER)
    ) as page:
        scene = gr.State()
        gr.Markdown(f'# {TITLE}\nDrop, choose or paste an image. {limits}')
        with gr.Row():
            with gr.Column(min_width=280):
                image = gr.Image(
                    type='filepath',
                    image_mode=None,
                    sources=['upload', 'clipboard'],
                    label='Image',
                    height=INPUT_HEIGHT,
                    elem_id='image',
                )
            with gr.Column(min_width=280):
                if examples:
                    gr.Examples([str(path) for path in examples], image)
                look = dict(label='Opacity of the colours, %', info=HINT)
                opacity = gr.Slider(0, 100, OPACITY, step=1, elem_id='opacity', **look)
        switches, outputs = [], []
        with gr.Row():
            for side in range(SIDES):
                with gr.Column(min_width=280):
                    switches += _lay_out_switches(side, predictions.models)
                    outputs += _lay_out_outputs(side)
        comparison = gr.ImageSlider(
            show_label=False, visible=False, interactive=False, elem_id='comparison'
        )

        def switch(name: str) -> list[dict[str, Any]]:
            model = predictions.models.get(name)
            return [gr.update(**one) for one in switch_settings(model)]

        inputs = [image, scene, opacity, *switches]
        shown = [scene, comparison, *outputs]
        uploaded = image.change(update, inputs, shown, **PREDICTION)
        uploaded.success(None, js=INTO_VIEW, **EVENT)
        _refuse_large_files(uploaded, shown, limits)
        page.load(None, js=ON_LOAD % max_bytes, **EVENT)
        triggers = [opacity.release]
        for side in range(SIDES):
            model, *others = switches[3 * side : 3 * side + 3]
            chosen = model.input(switch, model, others, queue=False, **EVENT)
            triggers += [chosen.then, *(one.input for one in others)]
        for trigger in triggers:
            trigger(update, inputs, shown, **PREDICTION)
    return page


def _refuse_large_files(
    uploaded: gr.events.Dependency, shown: list[Component], limits: str
) -> None:
    """Name a file that the browser does not send; no file that fails has a result."""

    def refuse(name: str) -> None:
        text = f'{html.escape(name)} is too large. {limits} Remedy: make it smaller.'
        raise gr.Error(text, print_exception=False)

    def clear() -> list[Any]:
        return [None, *(len(shown) - 1) * [_hidden()]]

    name = gr.Textbox(visible=False)
    button = gr.Button(visible='hidden', elem_id='refused')
    refused = button.click(refuse, name, None, js=REFUSED_FILE, **EVENT)
    for event in (uploaded, refused):
        event.failure(clear, None, shown, queue=False, **EVENT)


def _lay_out_switches(side: int, models: dict[str, DemoModel]) -> list[Component]:
    names = list(models) if side == 0 else [NO_MODEL, *models]
    settings = switch_settings(models.get(names[0]))
    with gr.Group():
        label = 'Model' if side == 0 else 'Compare with'
        model = gr.Dropdown(names, value=names[0], label=label, elem_id=f'model-{side}')
        with gr.Row():
            others = [
                gr.Checkbox(**settings[0], label='CRF', min_width=120),
                gr.Checkbox(**settings[1], label='Multi-scale + flip', min_width=120),
            ]
    return [model, *others]


def _lay_out_outputs(side: int) -> list[Component]:
    heading = gr.Markdown(visible=False, elem_id=f'heading-{side}')
    classes = gr.AnnotatedImage(
        visible=False, show_label=False, format='png', elem_id=f'classes-{side}'
    )
    with gr.Row():
        look = dict(size='sm', visible=False, min_width=120)
        files = [
            gr.DownloadButton(f'Download {kind}', elem_id=f'{kind}-{side}', **look)
            for kind in ('labels', 'overlay')
        ]
    return [heading, classes, *files]
