"""Run ``mmseg-deeplab export``, with the same arguments."""

from mmseg_deeplab.cli import main

if __name__ == '__main__':
    main('export')
