"""Write SyntheticStreets in the layout of a data set, or an image grid of its scenes.

mmseg-deeplab draw-streets --layout cityscapes --out data/cityscapes --size 512 1024

What --out gets, and what the labels hold:

- cityscapes: leftImg8bit, gtFine; trainIds.
- voc: VOCdevkit/VOC2012; car 7 and person 15, the rest is background 0. aug.txt and
  SegmentationClassAug hold as many scenes as train.txt.
- ade20k: ADEChallengeData2016; ids + 1, as 0 is unlabelled there.
- coco_stuff10k, coco_stuff164k: images, annotations, as after MMSegmentation's
  converters; ids + 1 in the 10k, ids in the 164k; poles are metal.
- camvid: img_dir, ann_dir with train, val and test.
- folder: images, labels, labels.txt; labels are colours.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError

from .arguments import pick

LAYOUTS = (
    'cityscapes', 'voc', 'ade20k', 'coco_stuff10k', 'coco_stuff164k', 'camvid',
    'folder',
)  # fmt: skip
# Validation scenes of docs/images/synthetic_streets.png.
SHOWN = (8, 14, 33, 24, 18, 15)


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add('--layout', choices=LAYOUTS)
    add('--out', help='folder to write to')
    add('--num-train', type=int, default=200, help='(%(default)s)')
    add('--num-val', type=int, default=50, help='(%(default)s)')
    add('--size', type=int, nargs=2, default=(256, 512), metavar=('H', 'W'))
    add('--seed', type=int, default=0, help='(%(default)s)')
    add('--sheet', help='PNG file for an image grid instead')
    add('--scenes', type=int, nargs='+', default=SHOWN, help='scenes of the grid')


def run(args: Namespace) -> None:
    if args.sheet:
        write_grid(args)
    elif args.layout and args.out:
        write_data_set(args)
    else:
        raise InputError('--layout and --out are needed, or --sheet')


def write_grid(args: Namespace) -> None:
    """Write an image grid of scenes."""
    import cv2

    from mmseg_deeplab.datasets.street_scenes.render import draw_scene_grid
    from mmseg_deeplab.utils.atomic_files import write_whole

    grid = draw_scene_grid(args.scenes, seed=args.seed)
    _, content = cv2.imencode('.png', grid, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    write_whole(content.tobytes(), Path(args.sheet))
    print(args.sheet)


def write_data_set(args: Namespace) -> None:
    """Write scenes in the layout of a data set."""
    from mmseg_deeplab.datasets.export_streets import Request, export_streets

    options = pick(args, 'layout', 'num_train', 'num_val', 'seed')
    request = Request(size=tuple(args.size), **options)
    root = export_streets(args.out, request)
    print(f"\nwritten; data_root = '{root}'")
