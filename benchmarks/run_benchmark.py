"""Measure stock and ours alternately: time, memory, agreement, share of the limit.

python tools/benchmark.py ops --threads 2 --document docs/benchmarks.md
"""

import shlex
import sys
from argparse import ArgumentParser, Namespace

from mmengine.registry import init_default_scope

import benchmarks as benchmark
import mmseg_deeplab  # noqa: F401
from benchmarks.commands import COMMANDS
from mmseg_deeplab.cli.arguments import one_line_errors

QUICK_SECONDS = 2.0  # of timed rounds for each case


def parse_args() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser(description='Measure stock and ours alternately')
    parsers = parser.add_subparsers(dest='command', required=True)
    for name, command in COMMANDS.items():
        child = parsers.add_parser(name, help=command.HELP, description=command.HELP)
        command.add_options(child)
        add_common(child)
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


def main() -> None:
    """Measure, then write."""
    args = parse_args()
    command = COMMANDS[args.command]
    init_default_scope('mmseg')
    with one_line_errors():
        settings = benchmark.Settings(
            device=args.device,
            threads=args.threads,
            repeat=args.repeat,
            seconds=args.seconds or (QUICK_SECONDS if args.quick else 20.0),
        )
        result = benchmark.run_benchmark(
            args.command,
            command.cases(args, settings),
            settings,
            command=shlex.join(['python', 'tools/benchmark.py', *sys.argv[1:]]),
        )
        on_gpu = settings.torch_device.type == 'cuda'
        text = benchmark.write_report(
            result,
            command.COLUMNS,
            args.out,
            name=args.name or args.command + ('_cuda' if on_gpu else ''),
            document=args.document,
            draw=getattr(command, 'draw', benchmark.draw_bars),
        )
    print(f'\n{text}\n\n{args.out}')


if __name__ == '__main__':
    main()
