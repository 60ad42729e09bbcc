"""Run ``mmseg-deeplab check-data``, with the same arguments."""

from mmseg_deeplab.cli import main

if __name__ == '__main__':
    main('check-data')
