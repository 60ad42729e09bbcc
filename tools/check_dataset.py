"""Run ``mmseg-deeplab check-data``, with the same arguments."""

from mmseg_deeplab.cli.check_data import main

if __name__ == '__main__':
    main()
