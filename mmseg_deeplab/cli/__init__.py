"""The command line: ``mmseg-deeplab COMMAND``.

Each command is a module of this package. Its docstring is its help: a line that says
what it does, then an example. It has two functions, ``add_arguments(parser)`` and
``run(args)``. What takes time to import is imported in ``run``. A user's mistake is an
error of :mod:`mmseg_deeplab.utils.errors` and ends every command with one line.
"""

import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from importlib import import_module
from io import TextIOWrapper
from types import ModuleType

from mmseg_deeplab.utils.errors import one_line_errors
from mmseg_deeplab.utils.local_paths import require_local
from mmseg_deeplab.version import __version__

from .arguments import find_model

COMMANDS = (
    'train', 'test', 'predict', 'export', 'report', 'plot', 'demo', 'check-data',
    'import-data', 'split', 'init', 'browse', 'class-weights', 'convert', 'tune-crf',
    'publish', 'draw-streets', 'convert-camvid', 'search', 'decode', 'models',
    'download',
)  # fmt: skip
OUTPUT_ARGUMENTS = ('out', 'show_dir', 'work_dir')


def main(command: str | None = None) -> None:
    """Run a command, by default the one that the first argument names."""
    if command is None:
        args = choose_command().parse_args(sys.argv[1:2])
        run(args.command, sys.argv[2:], prog=f'mmseg-deeplab {args.command}')
    else:
        run(command, sys.argv[1:])


def choose_command() -> ArgumentParser:
    """Return the parser of the first argument, whose help lists all commands."""
    lines = [f'  {name:15} {read_help(import_command(name))[0]}' for name in COMMANDS]
    parser = ArgumentParser(
        prog='mmseg-deeplab',
        usage='mmseg-deeplab train deeplabv2_r26_synthetic_streets',
        description='Commands, each with a --help of its own:\n' + '\n'.join(lines),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument('command', metavar='COMMAND', choices=COMMANDS)
    parser.add_argument('--version', action='version', version=__version__)
    return parser


def run(command: str, arguments: list[str], *, prog: str | None = None) -> None:
    """Parse the arguments of a command and run it; see :func:`command_parser`."""
    if isinstance(sys.stdout, TextIOWrapper):  # names of files need be no UTF-8
        sys.stdout.reconfigure(errors='backslashreplace')
    with one_line_errors():
        args = parse_arguments(command, arguments, prog=prog)
        takes_addresses = getattr(import_command(command), 'TAKES_ADDRESSES', False)
        for name in () if takes_addresses else OUTPUT_ARGUMENTS:
            option = f'--{name}'.replace('_', '-')
            require_local(getattr(args, name, None) or '', option)
        if 'checkpoint' in args:
            find_model(args)
        import_command(command).run(args)


def parse_arguments(
    command: str, arguments: list[str], *, prog: str | None = None
) -> Namespace:
    """Parse the arguments of a command, between which options may stand."""
    # Not where a command has commands of its own: argparse cannot do both.
    default = ArgumentParser.parse_intermixed_args
    parse = getattr(import_command(command), 'PARSE', default)
    return parse(command_parser(command, prog=prog), arguments)


def command_parser(command: str, *, prog: str | None = None) -> ArgumentParser:
    """Return the parser of a command; by default messages name the script."""
    module = import_command(command)
    summary, example, more = read_help(module)
    parser = ArgumentParser(
        prog=prog,
        usage=example,
        description=f'{summary}\n\n{more}',
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def import_command(name: str) -> ModuleType:
    """Import the module of a command."""
    return import_module(f'{__name__}.{name.replace("-", "_")}')


def read_help(module: ModuleType) -> tuple[str, str, str]:
    """Split the docstring of a command: what it does, an example, and the rest."""
    summary, example, *more = module.__doc__.strip().split('\n\n')
    return summary, example.strip(), '\n\n'.join(more)
