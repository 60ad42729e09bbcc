"""Write SyntheticStreets in the layout of a data set, or an image grid of its scenes.

What ``--out`` gets, and what the labels hold:

- cityscapes: ``leftImg8bit``, ``gtFine``; trainIds.
- voc: ``VOCdevkit/VOC2012``; car 7 and person 15, the rest is background 0. ``aug.txt``
  and ``SegmentationClassAug`` hold as many scenes as ``train.txt``.
- ade20k: ``ADEChallengeData2016``; ids + 1, as 0 is unlabelled there.
- coco_stuff10k, coco_stuff164k: ``images``, ``annotations``, as after MMSegmentation's
  converters; ids + 1 in the 10k, ids in the 164k; poles are metal.
- camvid: ``img_dir``, ``ann_dir`` with train, val and test.
- folder: ``images``, ``labels``, ``labels.txt``; labels are colours.

Examples:
    python tools/dataset_converters/synthetic_streets.py --layout cityscapes \
        --out data/cityscapes --num-train 200 --num-val 50 --size 512 1024
    python tools/dataset_converters/synthetic_streets.py --layout voc --out data
    python tools/dataset_converters/synthetic_streets.py \
        --sheet docs/images/synthetic_streets.png
"""

import argparse
import sys
from pathlib import Path

import cv2

from mmseg_deeplab.datasets.export_streets import Request, export_streets
from mmseg_deeplab.datasets.street_layouts import LAYOUTS
from mmseg_deeplab.datasets.street_scenes.scene_grid import draw_scene_grid
from mmseg_deeplab.utils.atomic_files import write_whole

# Validation scenes of docs/images/synthetic_streets.png.
SHOWN = (8, 14, 33, 24, 18, 15)


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--layout', choices=LAYOUTS)
    parser.add_argument('--out', help='folder to write to')
    parser.add_argument('--num-train', type=int, default=200, help='default: 200')
    parser.add_argument('--num-val', type=int, default=50, help='default: 50')
    parser.add_argument(
        '--size', type=int, nargs=2, default=(256, 512), metavar=('H', 'W')
    )
    parser.add_argument('--seed', type=int, default=0, help='default: 0')
    parser.add_argument(
        '--sheet', help='PNG file: write an image grid of scenes instead'
    )
    parser.add_argument(
        '--scenes',
        type=int,
        nargs='+',
        default=SHOWN,
        help='validation scenes of the grid',
    )
    args = parser.parse_args()
    if not args.sheet and not (args.layout and args.out):
        parser.error('--layout and --out are needed, or --sheet')
    return args


def main() -> None:
    """Write what was asked for, and say where it is."""
    args = parse_args()
    if args.sheet:
        grid = draw_scene_grid(args.scenes, seed=args.seed)
        _, content = cv2.imencode('.png', grid, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        write_whole(content.tobytes(), Path(args.sheet))
        print(args.sheet)
        return
    try:
        request = Request(
            layout=args.layout,
            num_train=args.num_train,
            num_val=args.num_val,
            size=tuple(args.size),
            seed=args.seed,
        )
        root = export_streets(args.out, request)
    except (FileExistsError, ValueError) as error:
        sys.exit(f'\nerror: {error}')
    print(f"\nwritten; data_root = '{root}'")


if __name__ == '__main__':
    main()
