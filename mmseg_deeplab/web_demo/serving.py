"""Serve the page: no telemetry, no address but its own."""

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
from PIL import Image

from .demo_models import DemoModel
from .page import Predictions, build_page

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

    Args:
        megabytes: Size of the largest file, in 10^6 bytes.
        megapixels: Size of the largest image, in 10^6 pixels.
        queue_size: How many predictions may wait for the device.

    Raises:
        ValueError: If one of them is not positive.
    """

    megabytes: float = 20.0
    megapixels: float = 16.0
    queue_size: int = 20

    def __post_init__(self) -> None:
        for option, value in asdict(self).items():
            if not value > 0:
                raise ValueError(f'{option} is a limit above 0, received {value!r}')

    @property
    def pixels(self) -> int:
        """Number of pixels of the largest image."""
        return round(self.megapixels * 1e6)


def _theme() -> gr.themes.Base:
    theme = gr.themes.Default(primary_hue='blue', font=FONT)
    # The default's lighter grey is hard to read on white.
    return theme.set(
        body_text_color_subdued='*neutral_500', block_info_text_color='*neutral_500'
    )


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
        port: Port to listen at.
        root_path: Path of the page behind a reverse proxy that strips it.

    Yields:
        The page; its address is ``page.local_url``.

    Raises:
        ValueError: If the port is taken.
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
        )
        page.queue(max_size=limits.queue_size)
        try:
            page.launch(
                server_name=host,
                server_port=port,
                root_path=root_path,
                max_file_size=round(limits.megabytes * 1e6),
                state_session_capacity=MAX_VISITORS,
                theme=_theme(),
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
            raise ValueError(
                f'cannot listen at {host}:{port}: {error}. Remedy: another --port'
            ) from error
        try:
            yield page
        finally:
            page.close(verbose=False)


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
