"""``python -m mmseg_deeplab`` is ``mmseg-deeplab``."""

from mmseg_deeplab.cli import main

main()
