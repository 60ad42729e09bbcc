"""Where downloaded and converted files are kept."""

import os
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = 'MMSEG_DEEPLAB_HOME'


def cache_folder() -> Path:
    """Return the folder that ``MMSEG_DEEPLAB_HOME`` names, else the platform's.

    On Linux that is ``~/.cache/mmseg_deeplab``. The folder need not exist yet.
    """
    home = os.environ.get(VARIABLE)
    return Path(home).expanduser() if home else user_cache_path('mmseg_deeplab', False)
