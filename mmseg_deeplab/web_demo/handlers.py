"""What happens when a visitor does something; errors become messages in the page."""

import functools
import html
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from mmseg_deeplab.inference import Predictor, read_image

from .downloads import save_labels, save_overlay
from .examples import Example
from .limits import Limits
from .models import DemoModel
from .panel import panels_html
from .scene import Choice, Result, Scene

NO_MODEL = 'nothing'
EXPIRED = 'This image is no longer on the server: please choose it again.'


def shown_in_page(handler: Callable) -> Callable:
    """Turn a handler's exceptions into messages; what is not foreseen is logged too."""

    @functools.wraps(handler)
    def run(*args: Any) -> Any:
        try:
            return handler(*args)
        except gr.Error:
            raise
        except torch.OutOfMemoryError as error:
            raise _message(
                'The memory of the device is not enough for this image. Remedy: make '
                'it smaller, or switch multi-scale or CRF off.'
            ) from error
        except (ValueError, TypeError, OSError) as error:
            raise _message(str(error)) from error
        except Exception as error:
            logging.getLogger(__name__).exception('the page shows this as a message')
            raise _message(
                f'{type(error).__name__}: {error}. More is in the log of the server.'
            ) from error

    return run


def _message(text: str) -> gr.Error:
    # gradio shows messages as HTML.
    return gr.Error(html.escape(text), print_exception=False)


class Handlers:
    """The page's logic between gradio's components and the models.

    Args:
        models: By name.
        examples: Images of the page's own.
        limits: What is accepted.
        folder: For downloads.
    """

    def __init__(
        self,
        models: dict[str, DemoModel],
        *,
        examples: list[Example],
        limits: Limits,
        folder: str | Path,
    ) -> None:
        self.models, self.examples, self.limits = models, examples, limits
        self.folder = Path(folder)

    def open_upload(self, path: str | None) -> Scene:
        """Read an uploaded file, whose name is what gradio made of the visitor's.

        Raises:
            ValueError: If it is no image or a limit is passed.
        """
        if path is None:
            raise ValueError('there is no file')
        file = Path(path)
        size = file.stat().st_size
        if size > self.limits.bytes:
            raise ValueError(
                f'{file.name}: {size / 1e6:.1f} MB, and the limit is '
                f'{self.limits.megabytes:g} MB. Remedy: make the file smaller'
            )
        image = read_image(
            file.read_bytes(), max_pixels=self.limits.pixels, name=file.name
        )
        return Scene(file.name, image)

    def open_example(self, index: int) -> Scene:
        """Take one of the page's own images."""
        example = self.examples[index]
        return Scene(example.name, example.image)

    def segment(self, scene: Scene | None, *switches: Any) -> str:
        """Label the image by the chosen models and return the HTML of the results.

        Args:
            scene: Keeps the results; None as long as there is no image.
            switches: Model, CRF and multi-scale of each side.
        """
        if scene is None:
            return ''
        choices = self.choices(*switches)
        for choice in choices:
            if choice not in scene.results:
                scene.results[choice] = self._predict(scene, choice)
        scene.shown = choices
        predictors = [self.predictor(choice) for choice in choices]
        return panels_html(
            scene,
            classes=[predictor.classes for predictor in predictors],
            palettes=[predictor.palette for predictor in predictors],
        )

    def choices(self, *switches: Any) -> list[Choice]:
        """Read the switches of all sides; a side without a model is none."""
        sides = zip(*(iter(switches),) * 3, strict=True)
        return [
            self.models[name].choose(crf=crf, tta=tta)
            for name, crf, tta in sides
            if name != NO_MODEL
        ]

    def predictor(self, choice: Choice) -> Predictor:
        """Return the loaded model of a choice."""
        return self.models[choice.model].predictor(crf=choice.crf, tta=choice.tta)

    def _predict(self, scene: Scene, choice: Choice) -> Result:
        predictor = self.predictor(choice)  # loading takes no part in the time
        start = time.perf_counter()
        (prediction,) = predictor.predict([scene.image])
        return Result(prediction.labels, time.perf_counter() - start)

    def download_labels(self, scene: Scene | None, side: int) -> str:
        """Write the label map of a side and return its path."""
        choice = self._shown(scene, side)
        predictor = self.predictor(choice)
        return str(save_labels(scene, choice, self.folder, predictor=predictor))

    def download_overlay(self, scene: Scene | None, side: int, percent: float) -> str:
        """Write the painted image of a side and return its path."""
        choice = self._shown(scene, side)
        path = save_overlay(
            scene,
            choice,
            self.folder,
            predictor=self.predictor(choice),
            opacity=percent / 100,
        )
        return str(path)

    @staticmethod
    def _shown(scene: Scene | None, side: int) -> Choice:
        if scene is None or side >= len(scene.shown):
            raise _message(EXPIRED)
        return scene.shown[side]
