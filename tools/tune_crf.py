"""Run ``mmseg-deeplab tune-crf``, with the same arguments."""

from mmseg_deeplab.cli import main

if __name__ == '__main__':
    main('tune-crf')
