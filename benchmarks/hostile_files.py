"""Files that were made to harm, and what a user would do with them.

What a checkpoint claims beyond what it holds is in
``tests/test_checkpoints/test_hostile_files.py``.
"""

import io
import os
import pickle
import socket
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import torch
from PIL.PngImagePlugin import putchunk

from mmseg_deeplab import cli

from .damaged_files import CONFIG, IMAGES, MODEL, TRAINED, onnx_file


class Attack:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, ('touch ran',)


def try_hostile(number: int) -> str:
    """Run a case in a folder with sound files; right if no code of its file has run."""
    Path('images').mkdir()
    for name in ('sound.png', 'images/sound.png'):
        write(name, IMAGES['png'])
    write('model.onnx', MODEL)
    write('config.py', TRAINED.encode())
    name = list(HOSTILE)[number]
    make, command = HOSTILE[name]
    make()
    try:
        cli.run(command[0], command[1:])
    except SystemExit as ended:
        if ended.code not in (0, 1):  # 1: `predict` lists the files that it refuses
            raise
    finally:
        if Path('ran').exists():
            raise RuntimeError(f'{name}: its code has run')
    return 'right'


def write(name: str | bytes, content: bytes) -> None:
    """Write a file into the current folder."""
    Path(os.fsdecode(name)).write_bytes(content)


def predict(*inputs: str, model: tuple[str, ...] = ('model.onnx',)) -> list[str]:
    """Return a prediction, with a sound model by default."""
    return ['predict', *model, *inputs, '--out', 'out', '--workers', '0']


def train(option: str, value: str, *more: str) -> list[str]:
    """Return a training with a setting."""
    settings = ['--cfg-options', f'{option}={value}']
    return ['train', 'config.py', '--work-dir', 'run', *more, *settings]


def png(width: int, height: int, pixels: bytes = b'', text: bytes = b'text') -> bytes:
    """Return a PNG file of grey pixels, whatever it says of its size, and a text."""
    file = io.BytesIO()
    file.write(b'\x89PNG\r\n\x1a\n')
    putchunk(file, b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
    putchunk(file, b'zTXt', b'a\0\0' + zlib.compress(text))
    putchunk(file, b'IDAT', zlib.compress(pixels))
    putchunk(file, b'IEND', b'')
    return file.getvalue()


def scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    content = IMAGES['jpeg']
    at = content.rindex(b'\xff\xda')
    return content[:at] + content[at:-2] * count + b'\xff\xd9'


def tiff(width: int, height: int, tile: int) -> bytes:
    """Return a TIFF file that claims such a size and such tiles."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (277, 1)]
    tags += [(322, tile), (323, tile), (324, 8), (325, 64)]
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags)
    return b'II*\0' + struct.pack('<IH', 8, len(tags)) + entries + bytes(68)


LOAD = predict('sound.png', model=(CONFIG, 'x.pth'))
SHOW, FOLDER = predict('x.png'), predict('images')
WEIGHT = 'model.decode_head.loss_decode.class_weight'
NOISE = bytes(range(256)) * 300
PICKLE = pickle.dumps(Attack())
NPY = b"\x93NUMPY\1\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
BOMB = b'[' * 100_000
PLAYLIST = b'#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n'
VRT = b"""<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand band="1">
<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""
EPS = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ran) (w) file closefile\n'
YAML = b'!!python/object/apply:os.system ["touch ran"]'
LAUGH = 'a0: &a0 [x, x]\n' + ''.join(
    f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]\n' for n in range(1, 12)
)
META = dict(config='import os; os.system("touch ran")', epoch=0, iter=1, seed=0)
LOG = dict(meta=META, state_dict={}, message_hub={})

# Name -> what makes the file, and the command that is given it.
HOSTILE: dict[str, tuple[Callable[[], object], list[str]]] = {
    'pickle that runs code': (lambda: torch.save(dict(a=Attack()), 'x.pth'), LOAD),
    'old pickle that runs code': (
        lambda: torch.save(Attack(), 'x.pth', _use_new_zipfile_serialization=False),
        LOAD,
    ),
    'bare pickle': (lambda: write('x.pth', PICKLE), LOAD),
    'code in the log of a checkpoint': (
        lambda: torch.save(LOG, 'x.pth'),
        train('load_from', 'x.pth', '--resume'),
    ),
    'initial weights that run code': (
        lambda: torch.save(dict(a=Attack()), 'x.pth'),
        train('model.pretrained', 'x.pth'),
    ),
    'pickled class weights': (lambda: write('x.pkl', PICKLE), train(WEIGHT, 'x.pkl')),
    'class weights in YAML': (lambda: write('x.yaml', YAML), train(WEIGHT, 'x.yaml')),
    'class weights of objects': (
        lambda: write('x.npy', NPY.ljust(128) + PICKLE), train(WEIGHT, 'x.npy'),
    ),
    'CRF in YAML': (
        lambda: write('x.yaml', YAML) or torch.save(dict(state_dict={}), 'x.pth'),
        [*LOAD, '--crf', 'x.yaml'],
    ),
    'header of 2^60 bytes': (
        lambda: write('x.safetensors', struct.pack('<Q', 1 << 60)),
        predict('sound.png', model=(CONFIG, 'x.safetensors')),
    ),
    'Caffe file of a huge length': (
        lambda: write('x.caffemodel', b'\xa2\x06\xff\xff\xff\xff\x7f'),
        ['convert', 'caffe', 'x.caffemodel', 'y.pth'],
    ),
    'TensorFlow index of noise': (
        lambda: write('x.ckpt.index', NOISE),
        ['convert', 'tensorflow', 'x.ckpt', 'y.pth'],
    ),
    'EPS named .png': (lambda: write('x.png', EPS), SHOW),
    'PDF named .png': (lambda: write('x.png', b'%PDF-1.4\n' + bytes(99)), SHOW),
    'SVG named .png': (lambda: write('x.png', b'<svg width="9e9"/>'), SHOW),
    'HDR named .png': (
        lambda: write('x.png', b'#?RADIANCE\n\n-Y 99999 +X 99999\n' + bytes(99)), SHOW,
    ),
    'PNG of 10^10 pixels': (lambda: write('x.png', png(100_000, 100_000)), SHOW),
    'PNG that inflates': (lambda: write('x.png', png(8, 8, bytes(1 << 28))), SHOW),
    'text that inflates': (
        lambda: write('x.png', png(8, 8, bytes(72), bytes(1 << 30))), SHOW,
    ),
    'JPEG of 20,000 scans': (lambda: write('x.png', scans(20_000)), SHOW),
    'TIFF of 10^9 pixels': (lambda: write('x.png', tiff(30_000, 33_000, 16)), SHOW),
    'TIFF of huge tiles': (lambda: write('x.png', tiff(64, 64, 1 << 30)), SHOW),
    'pipe': (lambda: os.mkfifo('images/pipe.png'), FOLDER),
    'link to /dev/zero': (lambda: os.symlink('/dev/zero', 'images/a.png'), FOLDER),
    'link to its own folder': (lambda: os.symlink('.', 'images/again'), FOLDER),
    'link to nothing': (lambda: os.symlink('nothing.png', 'images/a.png'), FOLDER),
    'link to itself': (lambda: os.symlink('a.png', 'images/a.png'), FOLDER),
    'folder named .png': (lambda: os.mkdir('images/a.png'), FOLDER),
    'socket named .png': (
        lambda: socket.socket(socket.AF_UNIX).bind('images/a.png'), FOLDER,
    ),
    'name that is not UTF-8': (
        lambda: write(b'images/\xff\xfe.png', IMAGES['png']), FOLDER,
    ),
    'name of 250 bytes': (
        lambda: write(f'images/{"a" * 246}.png', IMAGES['png']), FOLDER,
    ),
    'name with a new line': (lambda: write('images/a\nb.png', IMAGES['png']), FOLDER),
    'list of noise': (lambda: write('list.txt', NOISE), predict('--list', 'list.txt')),
    'playlist named .mp4': (lambda: write('x.mp4', PLAYLIST), predict('x.mp4')),
    'VRT named .tif': (lambda: write('x.tif', VRT), predict('x.tif')),
    'ONNX with weights elsewhere': (
        lambda: write('x.onnx', onnx_file('["location": "../../../../etc/passwd"]')),
        predict('sound.png', model=('x.onnx',)),
    ),
    'TorchScript': (
        lambda: write('x.torchscript', b'PK'),
        predict('sound.png', model=('x.torchscript',)),
    ),
    'PyTorch program': (
        lambda: write('x.pt2', b'PK'), predict('sound.png', model=('x.pt2',)),
    ),
    'deep metrics': (lambda: write('x.json', BOMB), ['plot', 'classes', 'x.json']),
    'YAML that multiplies': (
        lambda: write('x.yml', LAUGH.encode()), ['plot', 'scatter', 'x.yml'],
    ),
}  # fmt: skip
