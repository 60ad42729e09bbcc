"""Run ``mmseg-deeplab class-weights``, with the same arguments."""

from mmseg_deeplab.cli.class_weights import main

if __name__ == '__main__':
    main()
