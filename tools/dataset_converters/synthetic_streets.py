"""Run ``mmseg-deeplab draw-streets``, with the same arguments."""

from mmseg_deeplab.cli import main

if __name__ == '__main__':
    main('draw-streets')
