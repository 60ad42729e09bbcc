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

HELP = 'CPU seconds of the help and of the prediction of one image'
CONFIG = 'deeplabv2_r26_synthetic_streets'
COMMAND = (sys.executable, '-m', 'mmseg_deeplab')
MAKE = """
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


def cpu_seconds(*command: str, folder: Path, repeats: int = 3) -> float:
    """Return the median CPU time of a command in a folder, of all its processes."""
    times = []
    for _ in range(repeats):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        user = after.ru_utime - before.ru_utime
        times.append(user + after.ru_stime - before.ru_stime)
    return median(times)


def measure_startup(repeats: int = 3) -> dict[str, float]:
    """Return CPU seconds by name, and how many times the network a prediction costs."""
    os.environ['OMP_NUM_THREADS'] = '1'  # idle threads of a pool burn CPU time
    with tempfile.TemporaryDirectory() as name:
        folder, python = Path(name), (sys.executable, '-c')
        subprocess.run([*python, MAKE + SAVE, CONFIG], cwd=folder, check=True)
        predict = ('predict', CONFIG, 'model.pth', 'image.png', '--out', 'out')
        commands = {
            'help': (*COMMAND, '--help'),
            'help of a command': (*COMMAND, 'train', '--help'),
            'import torch': (*python, 'import torch'),
            'torch and the network': (*python, MAKE + RUN, CONFIG),
            'prediction': (*COMMAND, *predict, '--overwrite'),
        }
        times = {
            name: cpu_seconds(*command, folder=folder, repeats=repeats)
            for name, command in commands.items()
        }
    ratio = times['prediction'] / times['torch and the network']
    return times | {'prediction / torch and the network': ratio}


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument('--repeats', type=int, default=3, help='(%(default)s)')


def run(args: Namespace) -> None:
    """Measure and print."""
    for name, value in measure_startup(args.repeats).items():
        print(f'{name:36} {value:.2f}')
