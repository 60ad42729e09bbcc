"""Serve the page: no telemetry, no address but its own."""

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

import gradio as gr

from .examples import Example
from .handlers import Handlers
from .limits import Limits
from .models import DemoModel
from .page import build_page
from .resources import read_resource

# Scenes that are kept for visitors between two clicks; an image of the default limit
# and its label maps take some 100 MB.
MAX_VISITORS = 32
# gradio would ask its makers for a newer version, send statistics, and keep each run
# in the browser's storage.
QUIET = dict(GRADIO_ANALYTICS_ENABLED='False', GRADIO_RUN_HISTORY='False')


# Of the fonts that gradio brings along, one whose bold letters are all there.
FONT = (gr.themes.LocalFont('IBM Plex Sans', weights=(400, 700)), 'sans-serif')


@contextmanager
def serving(
    models: dict[str, DemoModel],
    *,
    examples: Sequence[Example] = (),
    limits: Limits | None = None,
    host: str = '127.0.0.1',
    port: int = 7860,
    root_path: str = '',
) -> Iterator[gr.Blocks]:
    """Serve the page from threads for as long as the block lasts.

    Args:
        models: By name.
        examples: Images to try the models on.
        limits: What is accepted.
        host: Address to listen at; ``'0.0.0.0'`` for all of the machine's.
        port: To listen at.
        root_path: Path of the page behind a reverse proxy that strips it.

    Yields:
        The page; its address is ``page.local_url``.

    Raises:
        ValueError: If the port is taken.
    """
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix='web_demo_') as folder:
        environment = dict(QUIET, GRADIO_TEMP_DIR=folder)
        with patch.dict(os.environ, environment):
            handlers = Handlers(
                models, examples=list(examples), limits=limits, folder=folder
            )
            page = build_page(handlers).queue(max_size=limits.queue_size)
            _launch(page, limits, host=host, port=port, root_path=root_path)
            try:
                yield page
            finally:
                page.close(verbose=False)


def serve(page: gr.Blocks) -> None:
    """Print the address and wait for Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f'The page is at {page.local_url} (Ctrl-C ends it)', flush=True)
    page.block_thread()


def _theme() -> gr.themes.Base:
    theme = gr.themes.Default(primary_hue='blue', font=FONT)
    # The default's lighter grey is hard to read on white.
    return theme.set(
        body_text_color_subdued='*neutral_500', block_info_text_color='*neutral_500'
    )


def _launch(
    page: gr.Blocks, limits: Limits, *, host: str, port: int, root_path: str
) -> None:
    try:
        page.launch(
            server_name=host,
            server_port=port,
            root_path=root_path,
            max_file_size=limits.bytes,
            state_session_capacity=MAX_VISITORS,
            css=read_resource('page.css'),
            theme=_theme(),
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
