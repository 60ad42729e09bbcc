"""``refine``: one checkpoint with and without several scales and CRFs, in one table.

    python -m benchmarks refine CONFIG CHECKPOINT --tuned work_dirs/CONFIG/crf/crf.py

Each row is a run of ``tools/test.py``.
"""

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, NamedTuple

from mmseg_deeplab.config.config_checks import check_checkpoint
from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.visualization import plot_trimap

from .report import markdown_table, write_into
from .results_table import percent_text, test

HELP = 'one checkpoint with and without several scales and CRFs'
MULTI_SCALE = ['model.type=MultiScaleEncoderDecoder']
TRIMAP = 'test_evaluator.trimap_widths=[1,2,5,10,20,40]'


class Variant(NamedTuple):
    """A way to predict with the same weights.

    Args:
        name: The name in the table.
        crf: The arguments of ``tools/test.py`` for a CRF.
        settings: Overrides of the config.
    """

    name: str
    crf: list[str]
    settings: list[str]


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('config', help='config file, for one scale')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument('--work-dir', help='work_dirs/<config name>/refinement')
    parser.add_argument('--crf', help="CRF fragment (the config's, or the release's)")
    parser.add_argument('--tuned', help='CRF fragment that a search has found')
    parser.add_argument('--learned', help='CRF fragment that was learned')
    parser.add_argument('--no-msc', action='store_true', help='one scale only')
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
    variants = list_variants(args)
    folder = Path(args.work_dir or Path(cfg.work_dir) / 'refinement')
    reports: dict[str, dict[str, Any]] = {}
    for variant in variants:
        out = folder_of(folder, variant.name)
        settings = [TRIMAP, *args.cfg_options, *variant.settings]
        options = [*variant.crf, '--cfg-options', *settings]
        report = test(args.config, args.checkpoint, out, options)
        reports[variant.name] = report
        text = f'{protocol(args)}\n\n{tables(reports)}'
        write_whole(text.encode() + b'\n', folder / 'table.md')
        content = json.dumps(reports, indent=1).encode() + b'\n'
        write_whole(content, folder / 'table.json')
        files = [folder_of(folder, name) for name in reports]
        plot_trimap(files, folder / 'trimap.png', labels=list(reports))
        print(f'{variant.name}: {report["figures"]["mIoU"]} mIoU', flush=True)
    if args.document:
        write_into(args.document, args.name, text)
    print(f'\n{text}\n\n{folder}')


def folder_of(folder: Path, name: str) -> Path:
    """Return the folder of a variant's test."""
    return folder / name.lower().replace(',', '').replace(' ', '_')


def list_variants(args: Namespace) -> list[Variant]:
    """Return the rows of the table, the plain network first.

    Several scales are combined with the tuned CRF, or else with the learned one, or
    else with the first one.
    """
    crfs = {'CRF': ['--crf', args.crf] if args.crf else ['--crf']}
    for name, file in (('tuned', args.tuned), ('learned', args.learned)):
        if file:
            crfs[f'CRF, {name}'] = ['--crf', file]
    variants = [Variant('plain', [], [])]
    variants += [Variant(name, crf, []) for name, crf in crfs.items()]
    if not args.no_msc:
        variants.insert(1, Variant('MSC', [], MULTI_SCALE))
        best = list(crfs)[min(1, len(crfs) - 1)]
        variants.append(Variant(f'MSC + {best}', crfs[best], MULTI_SCALE))
    return variants


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
        'mIoU': lambda name: percent_text(reports[name]['figures']['mIoU']),
        'aAcc': lambda name: percent_text(reports[name]['figures']['aAcc']),
    }
    for place, width in enumerate(first['trimap']['widths']):
        columns[f'trimap {width} px'] = lambda name, place=place: percent_text(
            reports[name]['trimap']['mIoU'][place]
        )
    classes = {'IoU': lambda label: label}
    for name, report in reports.items():
        classes[name] = lambda label, report=report: percent_text(
            report['per_class'][label]['IoU']
        )
    return (
        f'{markdown_table(columns, reports)}\n\n'
        f'{markdown_table(classes, first["per_class"])}'
    )
