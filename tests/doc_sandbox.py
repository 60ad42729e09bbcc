"""A copy of what the documentation's commands need, in a folder of its own.

In it every data set is a few small drawn scenes, every training two steps, and no
network starts from a download: :data:`SHRUNK` says how.
"""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np
from annotated_scene import WRITERS
from doc_pages import ROOT
from local import call
from predicting import write_raster, write_video
from rasterio.transform import from_origin
from training import Server

from mmseg_deeplab.datasets.export_streets import Request, export_streets

# Files, what is searched in them, what takes its place.
SHRUNK = [
    ('_base_/datasets/*.py', r'num_workers=\d+', 'num_workers=0'),
    ('_base_/datasets/*.py', r'persistent_workers=True', 'persistent_workers=False'),
    ('_base_/datasets/*.py', r'batch_size=[2-9]', 'batch_size=2'),
    ('_base_/datasets/*.py', r'crop_size = \(.*\)', 'crop_size = (65, 65)'),
    ('_base_/datasets/*.py', r'image_size = \(.*\)', 'image_size = (64, 128)'),
    ('_base_/datasets/*.py', r'num_images=\d+', 'num_images=4'),
    ('_base_/datasets/*.py', r'img_ratios = \[.*\]', 'img_ratios = [0.5, 1.0]'),
    ('search/*.py', r'(max_iters|val_interval)=\d+', r'\1=2'),
    ('_base_/schedules/*.py', r'\bbegin=\d+', 'begin=0'),
    ('_base_/schedules/*.py', r'\b(max_iters|val_interval|end)=\d+', r'\1=2'),
    ('_base_/models/*.py', r'init_cfg=dict\([^()]*\)', 'init_cfg=None'),
    ('*.py', r'init_cfg=dict\([^()]*\)', 'init_cfg=None'),
]
# Layout of the drawn scenes: where the bases look for the data set.
DATA = {
    'voc': 'data',
    'cityscapes': 'data/cityscapes',
    'ade20k': 'data/ade',
    'coco_stuff10k': 'data/coco_stuff10k',
    'coco_stuff164k': 'data/coco_stuff164k',
    'camvid': 'data/camvid',
    'folder': 'data/folder',
}
TIMEOUT = 600  # seconds; the machine may be busy
QUICKSTART = 'configs/deeplabv2_r26_synthetic_streets.py'
CHECKPOINT = 'work_dirs/quickstart/iter_1000.pth'


def script_and_arguments(words: list[str]) -> list[str]:
    """Return what Python runs for ``python SCRIPT ...`` or ``mmseg-deeplab ...``."""
    if words[0] == 'python':
        return words[1:]
    return [str(ROOT / 'mmseg_deeplab' / '__main__.py'), *words[1:]]


class Sandbox:
    """The folder, and what runs in it.

    Args:
        folder: An empty folder.
        server: Runs the tools.
    """

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder, self.server, self.done = folder, server, set()
        for name in ('configs', 'tools', 'docs'):
            shutil.copytree(ROOT / name, folder / name)
        (folder / 'README.md').write_text((ROOT / 'README.md').read_text('utf-8'))

    def shrink(self) -> None:
        """Make trainings and data sets small, and draw the data sets."""
        for files, old, new in SHRUNK:
            for path in (self.folder / 'configs').glob(files):
                path.write_text(re.sub(old, new, path.read_text()))
        for layout, out in DATA.items():
            request = Request(layout, num_train=2, num_val=2, size=(64, 128))
            export_streets(self.folder / out, request)

        folder = self.folder / 'data' / 'unsplit'
        request = Request('folder', num_train=4, num_val=2, size=(64, 128))
        export_streets(folder, request)
        for path in [*folder.glob('*/*/*.*')]:
            path.rename(path.parents[1] / f'{path.parent.name}_{path.name}')
        for split in folder.glob('*/*/'):
            split.rmdir()

    def run(self, command: str) -> None:
        """Run one command.

        Raises:
            AssertionError: If it fails.
        """
        if re.match(r'(python|mmseg-deeplab) [^|<>$]*$', command):
            code, output = self.run_tool(script_and_arguments(self.words(command)))
        else:
            code, output = self.run_shell(command)
        assert code == 0, f'{command}\nexit code {code}\n{output[-4000:]}'

    def run_once(self, command: str) -> None:
        """Run one command unless this very command has been run before."""
        if command not in self.done:
            self.run(command)
            self.done.add(command)

    def words(self, command: str) -> list[str]:
        """Return the words of a command as the shell sees them, in this folder."""
        if not re.search(r'[{*?]', command):
            return shlex.split(command)
        script = f'shopt -s failglob; printf "%s\\n" {command}'
        done = call('bash', '-c', script, cwd=self.folder)
        assert done.returncode == 0, f'{command}\n{done.stderr}'
        return done.stdout.splitlines()

    def run_tool(self, argv: list[str]) -> tuple[int, str]:
        """Run a script in a forked process; return exit code and output."""
        log = self.folder / 'log.txt'
        code = self.server.start(*argv, log=log, cwd=self.folder).wait(TIMEOUT)
        return code, log.read_text()

    def run_shell(self, command: str) -> tuple[int, str]:
        """Run a line of shell with this Python; return exit code and output."""
        path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
        env = os.environ | {'PATH': path, 'PYTHONPATH': str(ROOT)}
        done = call('bash', '-c', command, cwd=self.folder, env=env)
        return done.returncode, done.stdout + done.stderr

    def train_quickstart(self) -> None:
        """Leave the files of ``make quickstart``, after two steps."""
        self.run(f'mmseg-deeplab train {QUICKSTART} --work-dir work_dirs/quickstart')
        self.run(f'mmseg-deeplab report {QUICKSTART} work_dirs/quickstart/iter_2.pth')
        self.stand_in(CHECKPOINT)
        self.write_inputs()

    def write_inputs(self) -> None:
        """Write what a reader might have: an image, a video, a raster, annotations."""
        for name in ('labelme', 'cvat', 'coco'):
            WRITERS[name](self.folder / 'annotated' / name)
        noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        cv2.imwrite(str(self.folder / 'image.png'), noise)
        frames = [np.roll(noise, shift, axis=1) for shift in range(3)]
        write_video(self.folder / 'drive.mp4', frames)
        bands = noise.transpose(2, 0, 1)[[0, 1, 2, 0]]
        form = dict(photometric='MINISBLACK', alpha='NO')
        place = dict(crs='EPSG:32632', transform=from_origin(500000, 5000000, 10, 10))
        write_raster(self.folder / 'scene.tif', bands, **form, **place)

    def stand_in(self, checkpoint: str) -> None:
        """Let the newest checkpoint of a short training stand in for a later one."""
        path = self.folder / checkpoint
        saved = sorted(path.parent.glob('iter_*.pth'), key=os.path.getmtime)
        if saved and not path.exists():
            shutil.copy(saved[-1], path)
