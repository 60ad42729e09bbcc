"""Make a data set of the files that an annotation tool has written.

mmseg-deeplab import-data annotated --out mydata

It reads labelme, COCO (instances and panoptic), CVAT (XML and masks), Label Studio,
YOLO, Roboflow and Supervisely files, masks in colours, and one mask for each class. It
writes images, labels, labels.txt, lists of splits and a report, import.json.
"""

from argparse import ArgumentParser, Namespace

FORMATS = (
    'auto', 'labelme', 'coco', 'coco-panoptic', 'cvat', 'label-studio', 'yolo',
    'roboflow', 'supervisely', 'color-masks', 'class-masks',
)  # fmt: skip


def add_arguments(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add('source', metavar='SRC', help='folder, or an annotation file')
    add('--out', required=True, help='new or empty folder to write')
    add('--format', choices=FORMATS, default='auto', help='(found by content)')
    add('--images', help='folder of the images, if not below SRC')
    add('--labels', help='class list: the classes to import, and their order')
    add(
        '--overlap',
        choices=('later', 'smaller'),
        default='later',
        help='which of two objects lies above (%(default)s)',
    )
    add(
        '--no-background',
        action='store_true',
        help='pixels without an object are not counted (255)',
    )
    add(
        '--val',
        type=float,
        default=0.2,
        help='part of the images for validation, if SRC has no splits (%(default)s)',
    )


def run(args: Namespace) -> None:
    from mmseg_deeplab.datasets.importing import ImportOptions, import_folder

    options = ImportOptions(
        format=args.format,
        images=args.images,
        labels=args.labels,
        smaller_first=args.overlap == 'smaller',
        background=not args.no_background,
        val=args.val,
    )
    print(import_folder(args.source, args.out, options))
