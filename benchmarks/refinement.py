"""``refine``: one checkpoint with and without several scales and CRFs, in one table.

Each row is a run of ``tools/test.py``.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from mmseg_deeplab.config.config_checks import check_checkpoint
from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.json_files import write_json
from mmseg_deeplab.visualization import plot_trimap

from .report import markdown_table, write_into
from .results_table import percent, test

HELP = 'one checkpoint with and without several scales and CRFs'
MULTI_SCALE = ['model.type=MultiScaleEncoderDecoder']
TRIMAP = 'test_evaluator.trimap_widths=[1,2,5,10,20,40]'


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('config', help='config file, for one scale')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='work_dirs/<config name>/refinement')
    parser.add_argument('--crf', help="CRF fragment (the config's, or the release's)")
    parser.add_argument('--tuned', help='CRF fragment that a search has found')
    parser.add_argument('--learned', help='CRF fragment that was learned')
    parser.add_argument('--document', help='Markdown file that gets the table')
    parser.add_argument('--name', default='refinement', help='its name in this file')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        default=[],
        metavar='KEY=VALUE',
        help='such as test_dataloader.dataset.indices=100 for the first images',
    )


def run(args: Namespace) -> None:
    """Test each variant; the table is written after each one."""
    cfg = read_config(args.config)
    check_checkpoint(args.checkpoint)
    folder = Path(args.work_dir or Path(cfg.work_dir) / 'refinement')
    reports: dict[str, dict[str, Any]] = {}
    for name, (crf, settings) in list_variants(args).items():
        out = folder_of(folder, name)
        options = [*crf, '--cfg-options', TRIMAP, *args.cfg_options, *settings]
        report = reports[name] = test(args.config, args.checkpoint, out, options)
        text = f'{protocol(args)}\n\n{tables(reports)}'
        write_whole(text.encode() + b'\n', folder / 'table.md')
        write_json(folder / 'table.json', reports)
        files = [folder_of(folder, name) for name in reports]
        plot_trimap(files, folder / 'trimap.png', labels=list(reports))
        print(f'{name}: {report["metrics"]["mIoU"]} mIoU', flush=True)
    if args.document:
        write_into(args.document, args.name, text)
    print(f'\n{text}\n\n{folder}')


def folder_of(folder: Path, name: str) -> Path:
    """Return the folder of a variant's test."""
    return folder / name.lower().replace(',', '').replace(' ', '_')


def list_variants(args: Namespace) -> dict[str, tuple[list[str], list[str]]]:
    """Return the arguments for the CRF and the overrides of each row of the table.

    Several scales are combined with the first CRF that was tuned or learned, if any.
    """
    crfs = {'CRF': ['--crf', args.crf] if args.crf else ['--crf']}
    for name, file in (('tuned', args.tuned), ('learned', args.learned)):
        if file:
            crfs[f'CRF, {name}'] = ['--crf', file]
    best = list(crfs)[min(1, len(crfs) - 1)]
    variants = {'plain': ([], []), 'MSC': ([], MULTI_SCALE)}
    variants |= {name: (crf, []) for name, crf in crfs.items()}
    return variants | {f'MSC + {best}': (crfs[best], MULTI_SCALE)}


def protocol(args: Namespace) -> str:
    """Return a sentence about what was measured."""
    checkpoint = '/'.join(Path(args.checkpoint).parts[-2:])
    options = ' '.join(args.cfg_options)
    return (
        f'`{Path(args.config).stem}` with `{checkpoint}`, whole images of the test '
        f'split{f", {options}" if options else ""}; metrics in percent.'
    )


def tables(reports: dict[str, dict[str, Any]]) -> str:
    """Return two tables: a row per variant, and a column per variant with the IoUs."""
    first = next(iter(reports.values()))
    columns = {
        '': lambda name: name,
        'mIoU': percent(lambda name: reports[name]['metrics']['mIoU']),
        'aAcc': percent(lambda name: reports[name]['metrics']['aAcc']),
    }
    for i, width in enumerate(first['trimap']['widths']):
        iou = percent(lambda name, i=i: reports[name]['trimap']['mIoU'][i])
        columns[f'trimap {width} px'] = iou
    classes = {'IoU': lambda label: label}
    for name, report in reports.items():
        classes[name] = percent(lambda label, r=report: r['per_class'][label]['IoU'])
    per_class = markdown_table(classes, first['per_class'])
    return f'{markdown_table(columns, reports)}\n\n{per_class}'
