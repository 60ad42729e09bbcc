"""The parts of the page, without what they do."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from .handlers import NO_MODEL, Handlers
from .models import DemoModel

SIDES = 2
DOWNLOADS = ('labels', 'overlay')
OPACITY = 60  # percent
IMAGES_HEIGHT = 225  # px
HINT = (
    'Point at the picture to read the class, hold it to see the image alone, click a '
    'class to see that class alone.'
)


@dataclass
class Side:
    """The switches of one model."""

    model: gr.Dropdown
    crf: gr.Checkbox
    tta: gr.Checkbox

    @property
    def switches(self) -> list[gr.components.Component]:
        """What ``Handlers.segment`` reads of a side."""
        return [self.model, self.crf, self.tta]


def introduction(handlers: Handlers) -> str:
    """What the page takes, in a line."""
    limits = handlers.limits
    or_example = ', or take an example' if handlers.examples else ''
    return (
        f'Drop, choose or paste an image{or_example}. '
        f'Up to {limits.megabytes:g} MB and {limits.megapixels:g} megapixels.'
    )


def lay_out_inputs(handlers: Handlers) -> tuple[gr.File, gr.Gallery]:
    """Where images come from: files and examples."""
    upload = gr.File(
        label='Image',
        height=IMAGES_HEIGHT,
        scale=2,
        min_width=280,
        elem_id='image-file',
    )
    gallery = gr.Gallery(
        [(example.image, example.name) for example in handlers.examples] or None,
        show_label=False,
        columns=3,
        height=IMAGES_HEIGHT,
        object_fit='cover',
        allow_preview=False,
        interactive=False,
        buttons=[],
        scale=3,
        min_width=280,
        visible=bool(handlers.examples),
        elem_id='examples',
    )
    return upload, gallery


def lay_out_side(side: int, models: dict[str, DemoModel]) -> Side:
    """Model and switches of a side, 0 or 1."""
    names = list(models)
    first = models[names[0]] if side == 0 else None
    with gr.Column(min_width=280), gr.Group():
        dropdown = gr.Dropdown(
            names if side == 0 else [NO_MODEL, *names],
            value=names[0] if side == 0 else NO_MODEL,
            label='Model' if side == 0 else 'Compare with',
            elem_id=f'model-{side}',
        )
        with gr.Row():
            crf, tta = (
                gr.Checkbox(**settings, elem_id=f'{name}-{side}', min_width=120)
                for name, settings in switch_settings(first).items()
            )
    return Side(dropdown, crf, tta)


def switch_settings(model: DemoModel | None) -> dict[str, dict[str, Any]]:
    """Return how the switches of a side look: gone without a model."""
    if model is None:
        off = dict(value=False, visible=False)
        return dict(crf=off, tta=off)
    return dict(
        crf=dict(
            label='CRF',
            info=model.why_no_crf or 'draws borders along colours',
            value=model.crf,
            interactive=not model.why_no_crf,
            visible=True,
        ),
        tta=dict(
            label='Multi-scale + flip',
            info=model.why_no_tta or 'averages several sizes: slow',
            value=False,
            interactive=not model.why_no_tta,
            visible=True,
        ),
    )


def lay_out_downloads(side: int) -> tuple[gr.Button, gr.Button]:
    """The buttons of a side, there once it has a result."""
    with gr.Column(min_width=280), gr.Row():
        return tuple(
            gr.Button(visible=False, size='sm', min_width=120, elem_id=f'{kind}-{side}')
            for kind in DOWNLOADS
        )


def download_updates(shown: int) -> list[dict]:
    """Return what the buttons become: numbered as the panels where there are two."""
    return [
        gr.update(
            value=f'Download {kind} {side + 1 if shown > 1 else ""}'.strip(),
            visible=side < shown,
        )
        for side in range(SIDES)
        for kind in DOWNLOADS
    ]


def lay_out_slider() -> gr.Slider:
    """The opacity of the overlay."""
    return gr.Slider(
        0,
        100,
        OPACITY,
        step=1,
        label='Opacity of the overlay, %',
        info=HINT,
        elem_id='opacity',
    )
