"""Files that were made to harm, and what a user would do with them.

Each case writes files into the current folder and returns a command and its arguments.
Code that a file brings along would make the file ``ran``.
"""

import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from mmseg_deeplab import cli

from .damaged_files import CONFIG, config_text, image_file, onnx_file


class Attack:
    """Runs a command when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.system, ('touch ran',)


def try_hostile(folder: Path, random: Random) -> str:
    """Run the next case; a command that ends well is right if nothing has run."""
    name = list(HOSTILE)[int(folder.name.split()[-1])]
    try:
        cli.run(*HOSTILE[name]())
    except SystemExit as ended:
        if ended.code == 1:  # `predict` lists the files that it refuses
            return 'right'
        if ended.code:
            raise
    finally:
        if (folder / 'ran').exists():
            raise RuntimeError(f'{name}: its code has run')
    return 'right'


def predict(*inputs: str, model: tuple[str, ...] = ('model.onnx',)) -> tuple:
    """Return a prediction of files, with a sound model by default."""
    Path('model.onnx').write_bytes(onnx_file('onnx'))
    return 'predict', [*model, *inputs, '--out', 'out', '--workers', '0']


def load(path: str) -> tuple:
    """Return a prediction with a checkpoint."""
    Path('image.png').write_bytes(image_file('png'))
    return predict('image.png', model=(CONFIG, path))


def train(text: str, *options: str) -> tuple:
    """Return a training."""
    Path('config.py').write_text(config_text() + text)
    return 'train', ['config.py', '--work-dir', 'run', *options]


def image(content: bytes, name: str = 'image.png') -> tuple:
    """Return the prediction of one image."""
    Path(name).write_bytes(content)
    return predict(name)


def pickled(path: str, content: Any, *, is_zip: bool = True) -> tuple:
    """Return the use of a checkpoint of torch.save."""
    torch.save(content, path, _use_new_zipfile_serialization=is_zip)
    return load(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG file."""
    crc = struct.pack('>I', zlib.crc32(kind + content))
    return struct.pack('>I', len(content)) + kind + content + crc


def png(width: int, height: int, content: bytes = b'', *others: bytes) -> bytes:
    """Return a PNG file of grey pixels, whatever it says of its size."""
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, 0, 0, 0, 0))
    data = chunk(b'IDAT', zlib.compress(content, 9))
    return b'\x89PNG\r\n\x1a\n' + header + b''.join(others) + data + chunk(b'IEND', b'')


def forged_array(path: str) -> tuple:
    """Return the use of an object array whose pointers the file gives."""

    class Forged:
        def __reduce__(self) -> tuple:
            empty = (np.ndarray, (0,), b'b')
            state = (1, (4,), np.dtype('O'), False, b'A' * 32)
            return np._core.multiarray._reconstruct, empty, state

    return pickled(path, dict(state_dict=dict(a=Forged())))


def inflated(path: str) -> tuple:
    """Return the use of a checkpoint whose compressed tensor inflates to 4 GB."""
    torch.save(dict(a=torch.zeros(1000)), 'small.pth')
    with (
        zipfile.ZipFile('small.pth') as source,
        zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            with target.open(name, 'w', force_zip64=True) as file:
                if '/data/' not in name:
                    file.write(source.read(name))
                    continue
                for _ in range(4 << 10):
                    file.write(bytes(1 << 20))
    return load(path)


def safetensors(header: bytes, length: int | None = None) -> tuple:
    """Return the use of a file with such a header."""
    size = struct.pack('<Q', len(header) if length is None else length)
    Path('x.safetensors').write_bytes(size + header + bytes(64))
    return load('x.safetensors')


def scans(count: int) -> bytes:
    """Return a progressive JPEG whose last scan comes again and again."""
    content = image_file('jpeg')
    at = content.rindex(b'\xff\xda')
    return content[:at] + content[at:-2] * count + b'\xff\xd9'


def tiff(width: int, height: int, tile: int) -> bytes:
    """Return a TIFF file that claims such a size and such tiles."""
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (277, 1)]
    tags += [(322, tile), (323, tile), (324, 8), (325, 64)]
    entries = b''.join(struct.pack('<HHII', tag, 4, 1, value) for tag, value in tags)
    return b'II*\0' + struct.pack('<IH', 8, len(tags)) + entries + bytes(68)


def linked(name: str, target: str) -> tuple:
    """Return the prediction of a folder with a link, beside a sound image."""
    Path('images').mkdir()
    Path('images/sound.png').write_bytes(image_file('png'))
    os.symlink(target, f'images/{name}')
    return predict('images')


def fifo() -> tuple:
    """Return the prediction of a folder with a pipe that nobody writes to."""
    Path('images').mkdir()
    os.mkfifo('images/pipe.png')
    return predict('images')


def named(name: bytes) -> tuple:
    """Return the prediction of a folder with a file of such a name."""
    Path('images').mkdir()
    Path(os.fsdecode(b'images/' + name)).write_bytes(image_file('png'))
    return predict('images')


def written(name: str, content: bytes, command: str, *options: str) -> tuple:
    """Return a command on a file."""
    Path(name).write_bytes(content)
    return command, options[0] if isinstance(options[0], list) else [*options]


def outside() -> tuple:
    """Return an ONNX file whose weights are another file of the machine."""
    import onnx

    model = onnx.load_from_string(onnx_file('onnx'))
    weights = model.graph.initializer[0]
    weights.ClearField('raw_data')
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key='location', value='../../../../../../etc/passwd')
    Path('x.onnx').write_bytes(model.SerializeToString())
    Path('image.png').write_bytes(image_file('png'))
    return predict('image.png', model=('x.onnx',))


def program(name: str) -> tuple:
    """Return the use of a program without a word that it is trusted."""
    Path('image.png').write_bytes(image_file('png'))
    Path(name).write_bytes(b'PK')
    return predict('image.png', model=(name,))


NPY = b"\x93NUMPY\1\0v\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
BOMB = '[' * 100_000
PLAYLIST = b'#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n'
VRT = b"""<VRTDataset rasterXSize="9" rasterYSize="9"><VRTRasterBand band="1">
<SimpleSource><SourceFilename>/etc/passwd</SourceFilename></SimpleSource>
</VRTRasterBand></VRTDataset>"""
EPS = b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(ran) (w) file closefile\n'
YAML = '!!python/object/apply:os.system ["touch ran"]'
LAUGH = 'a0: &a0 [x, x]\n' + ''.join(
    f'a{n}: &a{n} [{", ".join([f"*a{n - 1}"] * 9)}]\n' for n in range(1, 12)
)
META = dict(config='import os; os.system("touch ran")', iter=1, seed=0)
WEIGHTS = "\nmodel['decode_head']['loss_decode']['class_weight'] = '{}'\n"

HOSTILE: dict[str, Callable[[], tuple[str, list[str]]]] = {
    'pickle that runs code': lambda: pickled('x.pth', dict(a=Attack())),
    'old pickle that runs code': lambda: pickled('x.pth', Attack(), is_zip=False),
    'bare pickle': lambda: written('x.pth', pickle.dumps(Attack()), *load('x.pth')),
    'forged array': lambda: forged_array('x.pth'),
    'inflated checkpoint': lambda: inflated('x.pth'),
    'code in the log of a checkpoint': lambda: (
        pickled('x.pth', dict(state_dict={}, meta=META)),
        train('', '--resume', '--cfg-options', 'load_from=x.pth'),
    )[1],
    'initial weights that run code': lambda: (
        pickled('x.pth', dict(a=Attack())),
        train("\nmodel['pretrained'] = 'x.pth'\n"),
    )[1],
    'pickled class weights': lambda: (
        Path('x.pkl').write_bytes(pickle.dumps(Attack())),
        train(WEIGHTS.format('x.pkl')),
    )[1],
    'class weights in YAML': lambda: (
        Path('x.yaml').write_text(YAML), train(WEIGHTS.format('x.yaml')),
    )[1],
    'class weights of objects': lambda: (
        Path('x.npy').write_bytes(NPY.ljust(128) + pickle.dumps(Attack())),
        train(WEIGHTS.format('x.npy')),
    )[1],
    'CRF in YAML': lambda: (
        Path('x.yaml').write_text(YAML),
        (load('x.pth')[0], [*load('x.pth')[1], '--crf', 'x.yaml']),
    )[1],
    'header of 2^60 bytes': lambda: safetensors(b'{}', 1 << 60),
    'deep header': lambda: safetensors(BOMB.encode()),
    'tensor outside its file': lambda: safetensors(
        b'{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,999999999999]}}'
    ),
    'Caffe file of a huge length': lambda: written(
        'x.caffemodel', b'\xa2\x06\xff\xff\xff\xff\x7f',
        'convert', 'caffe', 'x.caffemodel', 'y.pth',
    ),
    'TensorFlow index of noise': lambda: written(
        'x.ckpt.index', bytes(range(256)) * 300,
        'convert', 'tensorflow', 'x.ckpt', 'y.pth',
    ),
    'EPS named .png': lambda: image(EPS),
    'PDF named .jpg': lambda: image(b'%PDF-1.4\n' + bytes(99), 'image.jpg'),
    'SVG named .png': lambda: image(b'<svg width="99999999" height="99999999"/>'),
    'HDR named .png': lambda: image(b'#?RADIANCE\n\n-Y 99999 +X 99999\n' + bytes(99)),
    'PNG of 10^10 pixels': lambda: image(png(100_000, 100_000)),
    'PNG that inflates': lambda: image(png(8, 8, bytes(1 << 28))),
    'text that inflates': lambda: image(
        png(8, 8, bytes(72), chunk(b'zTXt', b'a\0\0' + zlib.compress(bytes(1 << 30))))
    ),
    'JPEG of 20,000 scans': lambda: image(scans(20_000), 'image.jpg'),
    'TIFF of 10^9 pixels': lambda: image(tiff(30_000, 33_000, 16), 'image.tif'),
    'TIFF of huge tiles': lambda: image(tiff(64, 64, 1 << 30), 'image.tif'),
    'pipe': fifo,
    'link to /dev/zero': lambda: linked('zero.png', '/dev/zero'),
    'link to its own folder': lambda: linked('again', '.'),
    'link to nothing': lambda: linked('lost.png', 'nothing.png'),
    'link to itself': lambda: linked('loop.png', 'loop.png'),
    'name that is not UTF-8': lambda: named(b'\xff\xfe.png'),
    'name of 250 bytes': lambda: named(b'a' * 246 + b'.png'),
    'name with a new line': lambda: named(b'a\nb.png'),
    'list of noise': lambda: written(
        'list.txt', bytes(range(256)), *predict('--list', 'list.txt')
    ),
    'playlist named .mp4': lambda: image(PLAYLIST, 'x.mp4'),
    'VRT named .tif': lambda: image(VRT, 'x.tif'),
    'ONNX with weights elsewhere': outside,
    'TorchScript': lambda: program('x.torchscript'),
    'PyTorch program': lambda: program('x.pt2'),
    'deep metrics': lambda: written(
        'x.json', BOMB.encode(), 'plot', 'classes', 'x.json'
    ),
    'YAML that multiplies': lambda: written(
        'x.yml', LAUGH.encode(), 'plot', 'scatter', 'x.yml'
    ),
}  # fmt: skip
