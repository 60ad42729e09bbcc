"""One page of the API reference for each layer: all that its ``__all__`` names."""

import importlib
import inspect

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

LAYERS = (
    'web_demo',
    'export',
    'crf_tuning',
    'hub',
    'visualization',
    'inference',
    'config',
    'engine',
    'datasets',
    'models',
    'evaluation',
    'checkpoints',
    'ops',
)


def api_page(layer: str) -> str:
    """Return the text of a layer's page.

    Args:
        layer: The name of a package in ``mmseg_deeplab``.
    """
    package = importlib.import_module(f'mmseg_deeplab.{layer}')
    items = [getattr(package, name) for name in getattr(package, '__all__', ())]
    paths = [
        f'{item.__module__}.{item.__qualname__}'
        for item in items
        if inspect.isclass(item) or inspect.isfunction(item)
    ]
    entries = ''.join(f'\n::: {path}\n' for path in paths)
    return f'# {package.__name__}\n\n{package.__doc__}\n{entries}'


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages; ``api/index.md`` is written by hand."""
    for layer in LAYERS:
        files.append(File.generated(config, f'api/{layer}.md', content=api_page(layer)))
    return files
