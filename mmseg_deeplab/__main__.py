"""``python -m mmseg_deeplab`` is ``mmseg-deeplab``."""

from .cli import main

main()
