"""A web page for trained models, on Gradio.

Only this package imports gradio, and it does so at once.
"""

from mmseg_deeplab.utils.errors import MissingPackageError

try:
    import gradio  # noqa: F401
except ImportError as error:
    raise MissingPackageError(
        'the web page needs Gradio: pip install "mmseg-deeplab[web]"'
    ) from error

from .demo_models import DemoModel, open_models
from .serving import Limits, folder_examples, serve, serving, street_examples

__all__ = [
    'DemoModel',
    'Limits',
    'folder_examples',
    'open_models',
    'serve',
    'serving',
    'street_examples',
]
