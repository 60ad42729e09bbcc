"""A web page for trained models, on Gradio.

Importing this package imports gradio; nothing else of ``mmseg_deeplab`` does.
"""

try:
    import gradio  # noqa: F401
except ImportError as error:
    raise ImportError(
        'the web page needs Gradio: pip install "mmseg-deeplab[web]"'
    ) from error

from .examples import Example, folder_examples, street_examples
from .handlers import Handlers
from .limits import Limits
from .models import DemoModel, open_models
from .serve import serve, serving

__all__ = [
    'DemoModel',
    'Example',
    'Handlers',
    'Limits',
    'folder_examples',
    'open_models',
    'serve',
    'serving',
    'street_examples',
]
