"""Serve the page and its examples: no telemetry, no address but its own."""

import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest.mock import patch

import gradio as gr
import numpy as np
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_deeplab.config.config_errors import load_config
from mmseg_deeplab.datasets import SyntheticStreets
from mmseg_deeplab.inference.images import IMAGE_SUFFIXES, is_image, read_image
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.image_formats import MAX_PIXELS

from .demo_models import DemoModel
from .page import Predictions, build_page

NUM_EXAMPLES = 6
# Images that are kept for visitors between two clicks; an image of the default limit
# and its label maps take some 100 MB.
MAX_VISITORS = 32
# Otherwise gradio asks its makers for a newer version, sends statistics, and keeps each
# run in the browser's storage.
QUIET = dict(GRADIO_ANALYTICS_ENABLED='False', GRADIO_RUN_HISTORY='False')
# One of the fonts that gradio brings along: no font is loaded from elsewhere.
FONT = (gr.themes.LocalFont('IBM Plex Sans', weights=(400, 700)), 'sans-serif')


@dataclass(frozen=True)
class Limits:
    """How large a file, an image and the queue may be.

    The defaults take the photos of a phone (12 megapixels, some 5 MB).
    """

    megabytes: float = 20.0  # size of the largest file, in 10^6 bytes
    megapixels: float = 16.0  # size of the largest image, in 10^6 pixels
    queue_size: int = 20  # how many predictions may wait for the device
    seconds: float = 120.0  # how long a visitor waits for a prediction

    def __post_init__(self) -> None:
        for option, value in asdict(self).items():
            if not value > 0:
                raise InputError(f'{option} is a limit above 0, received {value!r}')

    @property
    def bytes(self) -> int:
        return round(self.megabytes * 1e6)

    @property
    def pixels(self) -> int:
        return round(self.megapixels * 1e6)


@contextmanager
def serving(
    models: dict[str, DemoModel],
    *,
    examples: Mapping[str, np.ndarray] | None = None,
    limits: Limits | None = None,
    host: str = '127.0.0.1',
    port: int = 7860,
    root_path: str = '',
) -> Iterator[gr.Blocks]:
    """Serve the page from threads until the block ends.

    Args:
        models: Models by name.
        examples: Images to try the models on, by name.
        limits: What is accepted.
        host: Address to listen at; ``'0.0.0.0'`` for all addresses of the machine.
        port: Port to listen at, which must be free.
        root_path: Path of the page behind a reverse proxy that strips it.

    Yields the page; its address is ``page.local_url``.
    """
    limits = limits or Limits()
    with (
        tempfile.TemporaryDirectory(prefix='web_demo_') as folder,
        patch.dict(os.environ, QUIET, GRADIO_TEMP_DIR=folder),
    ):
        page = build_page(
            Predictions(models, max_pixels=limits.pixels, folder=folder),
            f'Up to {limits.megabytes:g} MB and {limits.megapixels:g} megapixels.',
            _write_examples(examples or {}, Path(folder) / 'examples'),
            max_bytes=limits.bytes,
            max_seconds=limits.seconds,
        )
        page.queue(max_size=limits.queue_size)
        try:
            page.launch(
                server_name=host,
                server_port=port,
                root_path=root_path,
                max_file_size=limits.bytes,
                theme=_theme(),
                state_session_capacity=MAX_VISITORS,
                show_error=True,
                footer_links=[],
                share=False,
                ssr_mode=False,
                mcp_server=False,
                enable_monitoring=False,
                prevent_thread_lock=True,
                quiet=True,
            )
        except OSError as error:
            raise InputError(
                f'cannot listen at {host}:{port}: {error}. Remedy: another --port'
            ) from error
        try:
            yield page
        finally:
            page.close(verbose=False)


def _theme() -> gr.themes.Base:
    grey = '*neutral_500'  # the default's lighter grey is hard to read on white
    theme = gr.themes.Default(primary_hue='blue', font=FONT)
    return theme.set(body_text_color_subdued=grey, block_info_text_color=grey)


def folder_examples(
    folder: str | Path, *, max_pixels: int = MAX_PIXELS
) -> dict[str, np.ndarray]:
    """Read the first images of a folder, by name."""
    paths = sorted(filter(is_image, Path(folder).glob('*')))
    if not paths:
        raise FileNotFoundError(
            f'--examples {str(folder)!r}: no such folder, or no image in it '
            f'({" ".join(IMAGE_SUFFIXES)})'
        )
    paths = paths[:NUM_EXAMPLES]
    return {path.name: read_image(path, max_pixels=max_pixels) for path in paths}


def street_examples(config: str | None) -> dict[str, np.ndarray]:
    """Draw test scenes for the config of a model of SyntheticStreets; else none."""
    if config is None:
        return {}
    settings = load_config(config).get('test_dataloader', {}).get('dataset', {})
    if settings.get('type') not in (SyntheticStreets, SyntheticStreets.__name__):
        return {}
    scenes = DATASETS.build({**settings, 'pipeline': [], 'indices': NUM_EXAMPLES})
    return {
        f'scene_{index}.png': scenes.get_data_info(index)['img'][..., ::-1]
        for index in range(len(scenes))
    }


def _write_examples(examples: Mapping[str, np.ndarray], folder: Path) -> list[Path]:
    paths = []
    for index, (name, image) in enumerate(examples.items()):
        # One folder each: names may differ only in their suffix.
        paths.append(folder / str(index) / f'{Path(name).stem}.png')
        paths[-1].parent.mkdir(parents=True)
        Image.fromarray(np.ascontiguousarray(image)).save(paths[-1])
    return paths


def serve(page: gr.Blocks) -> None:
    """Print the address and wait for Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f'The page is at {page.local_url} (Ctrl-C ends it)', flush=True)
    page.block_thread()
