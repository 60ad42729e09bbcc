"""``startup``: CPU seconds of the command's help and of the prediction of one image.

The prediction is compared with what nobody can avoid: importing torch, and building and
running the network through MMSegmentation's registry.
"""

import os
import resource
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from pathlib import Path
from statistics import median

import torch

from .report import describe_machine, machine_text, markdown_table, write_into

HELP = 'CPU seconds of the help and of the prediction of one image'
CONFIG = 'deeplabv2_r26_synthetic_streets'
COMMAND = (sys.executable, '-m', 'mmseg_deeplab')
PYTHON = (sys.executable, '-c')
BUILD = """
import sys, torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS
from mmseg_deeplab.config import read_config
init_default_scope('mmseg')
cfg = read_config(sys.argv[1])
model = MODELS.build(cfg.model)
"""
SAVE = """
import cv2, numpy
names = tuple(map(str, range(8)))
meta = dict(dataset_meta=dict(classes=names, palette=[[9 * i] * 3 for i in range(8)]))
torch.save(dict(state_dict=model.state_dict(), meta=meta), 'model.pth')
cv2.imwrite('image.png', numpy.zeros((128, 256, 3), numpy.uint8))
"""
RUN = """
with torch.inference_mode():
    model.eval()(torch.zeros(1, 3, 128, 256))
"""
PREDICT = ('predict', CONFIG, 'model.pth', 'image.png', '--out', 'out', '--overwrite')
NETWORK, PREDICTION = '`import torch`, network', '`predict`, one image of 128 x 256'
COMMANDS = {
    '`--help`': (*COMMAND, '--help'),
    '`train --help`': (*COMMAND, 'train', '--help'),
    '`import torch`': (*PYTHON, 'import torch'),
    '`import mmseg_deeplab`': (*PYTHON, 'import mmseg_deeplab'),
    NETWORK: (*PYTHON, BUILD + RUN, CONFIG),
    PREDICTION: (*COMMAND, *PREDICT),
}
TARGETS = {'`--help`': '0.3 s', PREDICTION: '1.6 times the row above'}


def cpu_seconds(*command: str, folder: Path, repeats: int) -> float:
    """Return the median CPU time of a command in a folder, of all its processes."""
    times = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        user = after.ru_utime - before.ru_utime
        times.append(user + after.ru_stime - before.ru_stime)
    return median(times)


def measure_startup(repeats: int) -> dict[str, float]:
    """Return the CPU seconds of each command on one thread."""
    os.environ['OMP_NUM_THREADS'] = '1'  # idle threads of a pool burn CPU time
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([*PYTHON, BUILD + SAVE, CONFIG], cwd=folder, check=True)
        return {
            name: cpu_seconds(*command, folder=folder, repeats=repeats)
            for name, command in COMMANDS.items()
        }


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--repeats', type=int, default=3, help='(%(default)s)')
    parser.add_argument('--document', help='Markdown file that gets the table')


def run(args: Namespace) -> None:
    """Measure and write the table."""
    torch.set_num_threads(1)
    machine = machine_text(describe_machine(torch.device('cpu')))
    times = measure_startup(args.repeats)
    columns = {
        'command': lambda name: name,
        'CPU seconds': lambda name: f'{times[name]:.2f}',
        'times `import torch`, network': lambda name: (
            f'{times[name] / times[NETWORK]:.2f}'
        ),
        'at most': lambda name: TARGETS.get(name, '-'),
    }
    text = f'{machine}.\n\n{markdown_table(columns, times)}'
    print(text)
    if args.document:
        write_into(args.document, 'startup', text)
