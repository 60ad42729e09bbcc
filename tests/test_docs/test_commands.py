"""Every command of the documentation is one that the programs take.

The commands of this package parse their arguments, and their configs are loaded with
the options.
"""

import re
import shlex
import subprocess
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest
from doc_pages import ASSIGNMENT, ROOT, Block, all_blocks, commands, inline_code

from benchmarks.__main__ import build_parser
from mmseg_deeplab.cli import COMMANDS, command_parser, import_command
from mmseg_deeplab.config.config_file import read_config

# The tutorial is run as it stands by test_tutorial.py.
BLOCKS = [block for block in all_blocks('bash') if block.page != 'docs/tutorial.md']
# Programs that are not ours.
OUTSIDE = {'cd', 'git', 'hf', 'mkdir', 'source', 'tar', 'unzip', 'wget'}


@pytest.fixture
def project(tmp_path, monkeypatch) -> None:
    """Stand in a folder with the project's files and the reader's class list."""
    monkeypatch.chdir(tmp_path)
    for name in ('configs', 'tools', 'docs'):
        Path(name).symlink_to(ROOT / name)
    for folder in ('mydata', 'data/folder'):
        Path(folder).mkdir(parents=True)
        Path(folder, 'labels.txt').write_text('road\ncar\n')


@pytest.mark.parametrize('block', BLOCKS, ids=str)
def test_commands_work(block: Block, project):
    for command in commands(block.text):
        if not ASSIGNMENT.match(command):
            check(command)


def check(command: str) -> None:
    program, *arguments = shlex.split(command)
    if program == 'make':
        make = ['make', '-C', str(ROOT), *arguments, '-n']
        subprocess.run(make, check=True, capture_output=True)
    elif program == 'pip':
        # The extras of this package exist; other packages are pip's.
        for extras in re.findall(r'(?:mmseg-deeplab|\.)\[([\w,]+)\]', command):
            for extra in extras.split(','):
                assert (ROOT / 'requirements' / f'{extra}.txt').is_file(), command
    elif program == 'mmseg-deeplab' or program.startswith('tools/dist_'):
        check_command(program, arguments)
    elif program == 'python' and arguments[:2] == ['-m', 'benchmarks']:
        check_configs(build_parser().parse_args(arguments[2:]))
    elif program == 'python' and arguments[0].startswith('$TOOLS/'):
        check_mmseg_tool(arguments[0].removeprefix('$TOOLS/'))
    else:
        assert program in OUTSIDE, f'unknown program in {command!r}'


def check_command(program: str, arguments: list[str]) -> None:
    """Let a command parse its arguments, and load its configs.

    ``tools/dist_NAME.sh CONFIG ... GPUS ...`` runs ``tools/NAME.py``.
    """
    if program != 'mmseg-deeplab':
        subprocess.run(['bash', '-n', program], check=True)
        tool = Path(program).stem.removeprefix('dist_')
        gpus = next(i for i, word in enumerate(arguments) if word.isdigit())
        del arguments[gpus]
        arguments.insert(0, tool_command(ROOT / 'tools' / f'{tool}.py'))
    if '--help' not in arguments:
        name, *rest = arguments
        parse = getattr(import_command(name), 'PARSE', ArgumentParser.parse_args)
        check_configs(parse(command_parser(name), rest))


def check_configs(args: Namespace) -> None:
    """Load the configs of this project among the arguments with their options."""
    configs = getattr(args, 'config', None) or getattr(args, 'configs', None) or []
    for config in [configs] if isinstance(configs, str) else configs:
        if re.fullmatch(r'configs/[a-z0-9_/]+\.py', config):
            options = getattr(args, 'cfg_options', None)
            read_config(config, options, mixins=getattr(args, 'mixins', ()))


def tool_command(path: Path) -> str:
    """Return the command that a file of ``tools/`` runs."""
    return re.search(r"main\('([\w-]+)'\)", path.read_text())[1]


def check_mmseg_tool(name: str) -> None:
    """Check that MMSegmentation's wheel has a converter where the page looks for it."""
    import mmseg

    folder = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'dataset_converters'
    assert (folder / name).is_file(), folder


TOOL = r'(?<![\w/])(?:tools/(?:\w+/)*\w+\.py|mmseg-deeplab [\w-]+)'
INLINE = [(page, code) for page, code in inline_code() if re.search(TOOL, code)]


@pytest.mark.parametrize(('page', 'code'), INLINE)
def test_options_of_commands_in_the_text_exist(page, code):
    words = code.removeprefix('python ').split()
    if words[0].startswith('tools/'):
        words[:1] = ['mmseg-deeplab', tool_command(ROOT / words[0])]
    if words[0] == 'mmseg-deeplab' and words[1] in COMMANDS:
        assert set(re.findall(r'--[\w-]+', code)) <= options_of(words[1])


def options_of(command: str) -> set[str]:
    """Return all options of a command, those of its sub-commands included."""
    parsers: list[ArgumentParser] = []

    class Recorder(ArgumentParser):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            parsers.append(self)

    import_command(command).add_arguments(Recorder())
    text = '\n'.join(parser.format_help() for parser in parsers)
    return set(re.findall(r'--[\w-]+', text))
