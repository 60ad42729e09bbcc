"""Measure stock and ours alternately: time, memory, agreement, share of the limit.

python tools/benchmark.py ops --threads 2 --document docs/benchmarks.md
"""

import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator

from mmengine.registry import init_default_scope

import mmseg_deeplab  # noqa: F401
from mmseg_deeplab.apis import benchmark, launch
from mmseg_deeplab.apis.benchmark import crf
from mmseg_deeplab.apis.benchmark.case import Case
from mmseg_deeplab.apis.benchmark.pydensecrf import INSTALL, load_pydensecrf

QUICK_SECONDS = 2.0  # of timed rounds for each case


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Measure stock and ours alternately')
    commands = parser.add_subparsers(dest='command', required=True)
    add_crf(commands.add_parser('crf', help='DenseCRF against pydensecrf'))
    add_ops(commands.add_parser('ops', help='mmseg_deeplab.ops against MMSeg'))
    for command in commands.choices.values():
        add_common(command)
    return parser.parse_args()


def add_common(parser: ArgumentParser) -> None:
    """Add the options of all sub-commands."""
    parser.add_argument('--quick', action='store_true', help='few cases, few rounds')
    parser.add_argument('--device', default='cpu', help='cpu or cuda (%(default)s)')
    parser.add_argument('--threads', type=int, help="of PyTorch (PyTorch's own choice)")
    parser.add_argument('--repeat', type=int, help='rounds (2 to 7, by --seconds)')
    parser.add_argument('--seconds', type=float, help='for the rounds of a case (20)')
    parser.add_argument(
        '--out', default='work_dirs/benchmark', help='folder (%(default)s)'
    )
    parser.add_argument('--document', help='Markdown file to write the table into')
    parser.add_argument('--name', help='of files and marks (COMMAND or COMMAND_cuda)')


def add_crf(parser: ArgumentParser) -> None:
    """Add the options of ``crf``."""
    parser.add_argument('--sizes', nargs='+', metavar='KxHxW', help=' '.join(crf.SIZES))
    parser.add_argument(
        '--noise',
        nargs='+',
        type=float,
        default=list(crf.NOISE),
        help='in the image, of 255; the first size has all levels, the others the '
        'first one (%(default)s)',
    )
    parser.add_argument('--num-iterations', type=int, default=10)
    parser.set_defaults(cases=crf_cases, columns=benchmark.CRF_COLUMNS)


def crf_cases(args: Namespace, settings: benchmark.Settings) -> Iterator[Case]:
    """Return the cases of ``crf``."""
    if load_pydensecrf() is None:
        print(f'pydensecrf is not installed, ours alone is measured: {INSTALL}')
    return benchmark.crf_cases(
        settings.torch_device,
        sizes=args.sizes or (crf.QUICK_SIZES if args.quick else crf.SIZES),
        noise=args.noise,
        num_iterations=args.num_iterations,
    )


def add_ops(parser: ArgumentParser) -> None:
    """Add the options of ``ops``."""
    names = list(benchmark.OPERATORS)
    parser.add_argument('--only', nargs='+', choices=names, default=[], help='(all)')
    parser.set_defaults(cases=operator_cases, columns=benchmark.OPERATOR_COLUMNS)


def operator_cases(args: Namespace, settings: benchmark.Settings) -> Iterator[Case]:
    """Return the cases of ``ops``."""
    return benchmark.operator_cases(
        settings.torch_device, only=args.only, quick=args.quick
    )


def main() -> None:
    """Measure, then write."""
    args = parse_args()
    init_default_scope('mmseg')
    with launch.one_line_errors():
        settings = benchmark.Settings(
            device=args.device,
            threads=args.threads,
            repeat=args.repeat,
            seconds=args.seconds or (QUICK_SECONDS if args.quick else 20.0),
        )
        result = benchmark.run_benchmark(
            args.command,
            args.cases(args, settings),
            settings,
            command=shlex.join(['python', 'tools/benchmark.py', *sys.argv[1:]]),
        )
        on_gpu = settings.torch_device.type == 'cuda'
        text = benchmark.write_report(
            result,
            args.columns,
            args.out,
            name=args.name or args.command + ('_cuda' if on_gpu else ''),
            document=args.document,
        )
    print(f'\n{text}\n\n{args.out}')


if __name__ == '__main__':
    main()
