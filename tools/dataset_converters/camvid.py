"""Run ``mmseg-deeplab convert-camvid``, with the same arguments."""

from mmseg_deeplab.cli import main

if __name__ == '__main__':
    main('convert-camvid')
