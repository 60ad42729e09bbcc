"""Run ``mmseg-deeplab predict``, with the same arguments."""

from mmseg_deeplab.cli.predict import main

if __name__ == '__main__':
    main()
