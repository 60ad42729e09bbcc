"""Run ``mmseg-deeplab tune-crf``, with the same arguments."""

from mmseg_deeplab.cli.tune_crf import main

if __name__ == '__main__':
    main()
