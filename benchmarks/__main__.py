"""Compare this project with stock MMSegmentation and with other libraries."""

import shlex
import sys
from argparse import ArgumentParser, Namespace

import torch
from mmengine.registry import init_default_scope

import mmseg_deeplab  # noqa: F401
from mmseg_deeplab.utils.errors import InputError, one_line_errors

from . import (
    crf,
    data,
    disk,
    evaluation,
    files,
    gpu,
    growth,
    inference,
    membranes,
    operators,
    peers,
    refinement,
    results_table,
    robustness,
    startup,
    training,
    versions,
)
from .case import ResultsDiffer, Study
from .measure import ROUNDS, measure, measure_rate, row_of_failure
from .report import describe_machine, write_result

STUDIES = {
    'ops': operators.STUDY,
    'crf': crf.STUDY,
    'infer': inference.STUDY,
    'files': files.STUDY,
    'train': training.STUDY,
    'eval': evaluation.STUDY,
    'data': data.STUDY,
    'disk': disk.STUDY,
    'growth': growth.STUDY,
    'export': inference.EXPORT_STUDY,
    'peers': peers.STUDY,
}
# Commands with options of their own: each has HELP, `add_options` and `run`.
COMMANDS = {
    'table': results_table,
    'refine': refinement,
    'startup': startup,
    'versions': versions,
    'gpu': gpu,
    'robustness': robustness,
    'membranes': membranes,
}


def build_parser() -> ArgumentParser:
    """Return the parser of the command line."""
    parser = ArgumentParser(prog='python -m benchmarks', description=__doc__)
    parsers = parser.add_subparsers(dest='command', required=True)
    for name, study in STUDIES.items():
        child = parsers.add_parser(name, help=study.help, description=study.help)
        add_study_options(child, study)
    for name, command in COMMANDS.items():
        child = parsers.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_options(child)
    return parser


def add_study_options(parser: ArgumentParser, study: Study) -> None:
    """Add the options that all studies share."""
    add = parser.add_argument
    add('--quick', action='store_true', help='few cases, short rounds')
    add('--only', nargs='+', help=', '.join(study.subjects))
    add('--variants', nargs='+', help=' '.join(study.variants) or 'none')
    add('--device', default='cpu', help='cpu or cuda (%(default)s)')
    add('--threads', type=int, help="of PyTorch (PyTorch's own number)")
    add('--rounds', type=int, default=ROUNDS, help='(%(default)s)')
    add('--seconds', type=float, help='per function and round (1)')
    add('--out', default='work_dirs/benchmark', help='folder (%(default)s)')
    add('--name', help='of the result (that of the study)')
    add('--document', help='Markdown file that gets the table')


def run_study(args: Namespace) -> None:
    """Measure the cases of a study; each row is written as soon as it is there."""
    if args.device.startswith('cuda') and not torch.cuda.is_available():
        raise InputError(f'--device {args.device}: PyTorch finds no GPU')
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    study, device = STUDIES[args.command], torch.device(args.device)
    seconds = args.seconds or (0.2 if args.quick else 1.0)
    rate = measure_rate(device)
    result = dict(
        benchmark=args.command,
        command=shlex.join(['python', '-m', 'benchmarks', *sys.argv[1:]]),
        machine=describe_machine(device),
        rate=rate,
        rows=[],
    )
    name = (args.name or args.command) + ('_cuda' if device.type == 'cuda' else '')
    text = ''
    for case in study.chosen(args):
        try:
            row = measure(case, rate=rate, seconds=seconds, rounds=args.rounds)
        except ResultsDiffer as error:  # the other cases go on
            row = row_of_failure(case, str(error))
        result['rows'].append(row)
        print(f'{case.group}  {row["name"]}: {row["ratio"]}', flush=True)
        del case  # its tensors
        text = write_result(result, study.columns, args.out, name, args.document)
    print(f'\n{text}\n\n{args.out}')
    if failed := [row['name'] for row in result['rows'] if 'failure' in row]:
        raise InputError(f'the results of {len(failed)} cases differ: {failed}')


def main() -> None:
    """Run one command."""
    args = build_parser().parse_args()
    init_default_scope('mmseg')
    with one_line_errors():
        if args.command in STUDIES:
            run_study(args)
        else:
            COMMANDS[args.command].run(args)


if __name__ == '__main__':
    main()
