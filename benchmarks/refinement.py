"""Compare a checkpoint with itself behind multi-scale inputs and CRFs.

python tools/refinement_table.py CONFIG CHECKPOINT --tuned work_dirs/CONFIG/crf/crf.py

docs/benchmarks.md shows what it writes. The network runs once an image for all rows.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

import torch
from mmengine.config import DictAction

from benchmarks import refinement_table
from mmseg_deeplab.checkpoints import enable_safe_loading
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.evaluation.trimap import BORDERS


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='One checkpoint with and without refinements')
    parser.add_argument('config', help='config file')
    parser.add_argument('checkpoint', help='checkpoint file or URL')
    parser.add_argument('--work-dir', help='work_dirs/<config name>/refinement')
    parser.add_argument('--split', choices=['val', 'test'], default='test')
    parser.add_argument('--num-images', type=int, help='spread over the split (all)')
    parser.add_argument('--crf', help="CRF fragment (the config's, or the release's)")
    parser.add_argument('--tuned', help='CRF fragment that a search has found')
    parser.add_argument('--learned', help='CRF fragment that was learned')
    parser.add_argument('--no-msc', action='store_true', help='one scale only')
    parser.add_argument(
        '--trimap-widths', type=int, nargs='+', default=[1, 2, 5, 10, 20, 40]
    )
    parser.add_argument('--trimap-around', choices=BORDERS, default='labels')
    parser.add_argument(
        '--classes', nargs='+', default=[], help='of the means (all that occur)'
    )
    parser.add_argument(
        '--rows', type=int, default=3, help='pictures of gains and of losses (3)'
    )
    parser.add_argument('--document', help='Markdown file to write the table into')
    parser.add_argument('--name', default='refinement', help='of the table in there')
    parser.add_argument('--device', help='such as cpu (a GPU where there is one)')
    parser.add_argument('--cfg-options', nargs='+', action=DictAction, default={})
    return parser.parse_args()


def run(args: Namespace) -> dict[str, Path]:
    """Measure and write."""
    cfg = launch.load_config(args.config, cfg_options=args.cfg_options)
    launch.check_checkpoint(args.checkpoint)
    launch.check_data(cfg, f'{args.split}_dataloader')
    variants = refinement_table.list_variants(
        cfg,
        crf=args.crf,
        tuned=args.tuned,
        learned=args.learned,
        multi_scale=not args.no_msc,
    )
    device = args.device or ('cuda' if torch.cuda.is_available() else 'cpu')
    images = refinement_table.evaluation_images(cfg, args.split, args.num_images)
    bands = refinement_table.Bands(tuple(args.trimap_widths), args.trimap_around)
    refiner = refinement_table.build_refiner(
        cfg, args.checkpoint, variants, device=device
    )
    results = refinement_table.measure(refiner, images, bands, classes=args.classes)
    outcome = refinement_table.Outcome(
        Path(args.config).stem, args.checkpoint, images, results
    )
    print(outcome.text())
    return refinement_table.write_outcome(
        outcome,
        refiner,
        Path(args.work_dir or Path(cfg.work_dir) / 'refinement'),
        rows=args.rows,
        document=args.document,
        name=args.name,
    )


def main() -> None:
    """Compare."""
    args = parse_args()
    enable_safe_loading()
    with launch.one_line_errors():
        files = run(args)
    for name, path in files.items():
        print(f'{name}: {path}')


if __name__ == '__main__':
    main()
