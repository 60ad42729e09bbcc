"""A web page for trained models, on Gradio.

Only this package imports gradio, and it does so at once.
"""

try:
    import gradio  # noqa: F401
except ImportError as error:
    raise ImportError(
        'the web page needs Gradio: pip install "mmseg-deeplab[web]"'
    ) from error

from .demo_models import DemoModel, open_models
from .examples import folder_examples, street_examples
from .serving import Limits, serve, serving

__all__ = [
    'DemoModel',
    'Limits',
    'folder_examples',
    'open_models',
    'serve',
    'serving',
    'street_examples',
]
