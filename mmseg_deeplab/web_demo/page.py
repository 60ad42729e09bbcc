"""The page: its parts, and which handler answers what."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import gradio as gr
from gradio.events import Dependency

from .handlers import Handlers, shown_in_page
from .layout import (
    SIDES,
    Side,
    download_updates,
    introduction,
    lay_out_downloads,
    lay_out_inputs,
    lay_out_side,
    lay_out_slider,
    switch_settings,
)
from .resources import read_resource
from .scene import Scene

DEVICE = 'device'  # handlers of one concurrency id wait for each other
DELETE_EVERY, DELETE_AFTER = 60, 600  # seconds: uploads and downloads on the disk
# What needs no device. gradio shows the messages of queued handlers only.
QUICK = dict(concurrency_limit=None, show_progress='hidden', api_visibility='private')
SILENT = dict(queue=False, show_progress='hidden', api_visibility='private')
# The variable stands on the document, which outlives what the server renders anew.
SET_OPACITY = """(percent) => {
    document.documentElement.style.setProperty('--overlay', percent / 100);
}"""
SAVE_FILE = """(file) => {
    const link = document.createElement('a');
    link.href = file.url;
    link.download = file.orig_name;
    link.click();
}"""
WELCOME = '<p class="welcome">The result appears here.</p>'


def build_page(
    handlers: Handlers, *, title: str = 'Semantic segmentation'
) -> gr.Blocks:
    """Lay the page out and connect it.

    Args:
        handlers: What it does.
        title: Heading.
    """
    with gr.Blocks(
        title=title,
        analytics_enabled=False,
        delete_cache=(DELETE_EVERY, DELETE_AFTER),
    ) as page:
        scene = gr.State()
        gr.Markdown(f'# {title}\n{introduction(handlers)}', elem_id='introduction')
        with gr.Row():
            upload, gallery = lay_out_inputs(handlers)
        with gr.Row():
            sides = [lay_out_side(side, handlers.models) for side in range(SIDES)]
        opacity = lay_out_slider()
        viewer = gr.HTML(
            WELCOME,
            js_on_load=read_resource('viewer.js'),
            apply_default_css=False,
            elem_id='viewer',
        )
        with gr.Row():
            downloads = [lay_out_downloads(side) for side in range(SIDES)]
        ready = gr.File(visible='hidden', elem_id='ready')

        buttons = [button for pair in downloads for button in pair]
        _connect_images(handlers, scene, upload, gallery, sides, viewer, buttons)
        _connect_switches(handlers, scene, sides, viewer, buttons)
        _connect_downloads(handlers, scene, downloads, opacity, ready)
        opacity.change(None, opacity, None, js=SET_OPACITY)
    return page


def _connect_images(
    handlers: Handlers,
    scene: gr.State,
    upload: gr.File,
    gallery: gr.Gallery,
    sides: Sequence[Side],
    viewer: gr.HTML,
    buttons: Sequence[gr.Button],
) -> None:
    @shown_in_page
    def open_example(event: gr.SelectData) -> Scene:
        return handlers.open_example(event.index)

    opened = upload.upload(shown_in_page(handlers.open_upload), upload, scene, **QUICK)
    # A new file can be dropped at once only where the old one is gone.
    upload.upload(lambda: None, None, upload, **SILENT)
    chosen = gallery.select(open_example, None, scene, **QUICK)
    for event in (opened, chosen):
        _segment_after(event.success, handlers, scene, sides, viewer, buttons)


def _connect_switches(
    handlers: Handlers,
    scene: gr.State,
    sides: Sequence[Side],
    viewer: gr.HTML,
    buttons: Sequence[gr.Button],
) -> None:
    def switch(name: str) -> list[dict]:
        settings = switch_settings(handlers.models.get(name))
        return [gr.update(**one) for one in settings.values()]

    for side in sides:
        side.model.input(switch, side.model, [side.crf, side.tta], **SILENT)
    triggers = [switch.input for side in sides for switch in side.switches]
    changed = partial(gr.on, triggers, trigger_mode='always_last')
    _segment_after(changed, handlers, scene, sides, viewer, buttons)


def _segment_after(
    event: Any,
    handlers: Handlers,
    scene: gr.State,
    sides: Sequence[Side],
    viewer: gr.HTML,
    buttons: Sequence[gr.Button],
) -> Dependency:
    """Label the image after an event, one visitor at a time."""

    @shown_in_page
    def segment(scene: Scene | None, *switches: Any) -> list[Any]:
        result = handlers.segment(scene, *switches)
        shown = len(scene.shown) if scene else 0
        return [result or WELCOME, *download_updates(shown)]

    switches = [switch for side in sides for switch in side.switches]
    return event(
        fn=segment,
        inputs=[scene, *switches],
        outputs=[viewer, *buttons],
        show_progress_on=viewer,
        concurrency_limit=1,
        concurrency_id=DEVICE,
        api_visibility='private',
    )


def _connect_downloads(
    handlers: Handlers,
    scene: gr.State,
    downloads: Sequence[tuple[gr.Button, gr.Button]],
    opacity: gr.Slider,
    ready: gr.File,
) -> None:
    def labels(side: int, scene: Scene | None) -> str:
        return handlers.download_labels(scene, side)

    def painted(side: int, scene: Scene | None, percent: float) -> str:
        return handlers.download_overlay(scene, side, percent)

    for side, (labels_button, overlay_button) in enumerate(downloads):
        clicks = (
            labels_button.click(
                shown_in_page(partial(labels, side)), scene, ready, **QUICK
            ),
            overlay_button.click(
                shown_in_page(partial(painted, side)), [scene, opacity], ready, **QUICK
            ),
        )
        for click in clicks:
            click.success(None, ready, None, js=SAVE_FILE)
