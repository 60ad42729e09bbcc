"""Sound files, the damage done to them, and what the package makes of the result."""

import ast
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import av
import numpy as np
import onnx.parser
import safetensors.torch
import torch
from PIL import Image

import mmseg_deeplab.inference.network  # noqa: F401
from mmseg_deeplab import checkpoints, cli
from mmseg_deeplab.config import read_config
from mmseg_deeplab.datasets.transforms import LoadCheckedAnnotations
from mmseg_deeplab.inference import predict_raster, read_image
from mmseg_deeplab.inference.exported import (
    METADATA_FILE,
    ExportedPredictor,
    ExportMetadata,
    open_exported,
)
from mmseg_deeplab.inference.video_files import open_video

CONFIG = 'deeplabv2_r26_synthetic_streets'
SEED = 13
SIZE = (24, 32)
CLASSES = 4
# Suffix -> how Pillow writes it. Only PNG has a checksum of all bytes.
FORMATS = {
    'png': dict(format='PNG'),
    'jpg': dict(format='JPEG'),
    'jpeg': dict(format='JPEG', progressive=True),
    'tif': dict(format='TIFF'),
    'tiff': dict(format='TIFF', compression='tiff_deflate'),
    'webp': dict(format='WEBP', lossless=True),
    'bmp': dict(format='BMP'),
    'gif': dict(format='GIF'),
    'ppm': dict(format='PPM'),
}
SCENE = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
METADATA = ExportMetadata(
    classes=tuple('abcd'),
    palette=[[9] * 3] * CLASSES,
    output='labels',
    config='x',
    mean=[0.0] * 3,
    std=[1.0] * 3,
    channels='RGB',
    size_divisor=1,
    align_corners=False,
).to_text()


def content_of(write: Callable, *args: Any, **options: Any) -> bytes:
    """Return what a function writes into a file."""
    file = io.BytesIO()
    write(*args, file, **options)
    return file.getvalue()


def onnx_file(weights: str) -> bytes:
    """Return an exported model whose labels depend on all pixels and weights."""
    model = onnx.parser.parse_model(f"""
        <ir_version: 8, opset_import: ["": 17]>
        model (uint8[n, h, w, 3] image) => (uint8[n, h, w] labels)
        <float[3, {CLASSES}] weights = {weights}> {{
            x = Cast <to = 1> (image)
            y = MatMul (x, weights)
            z = ArgMax <axis = 3, keepdims = 0> (y)
            labels = Cast <to = 2> (z)
        }}""")
    onnx.helper.set_model_props(model, METADATA)
    return model.SerializeToString()


def labels_of(images: torch.Tensor) -> torch.Tensor:
    """Return the same labels by PyTorch."""
    return (images.float() @ WEIGHTS).argmax(3).to(torch.uint8)


def video_file(format_: str, codec: str) -> bytes:
    """Return a video of three frames."""
    file = io.BytesIO()
    with av.open(file, 'w', format_) as container:
        stream = container.add_stream(codec, 10)
        stream.height, stream.width = SIZE
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(np.roll(SCENE, index, 0))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def config_text() -> str:
    """Return a config that trains a small network for one step."""
    small = {
        'crop_size': (32, 64),
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.num_images': 2,
        'val_dataloader.dataset.num_images': 2,
        'train_cfg.max_iters': 1,
        **{f'{part}_dataloader.num_workers': 0 for part in ('train', 'val', 'test')},
        'train_cfg.val_interval': 1,
        'visualizer.vis_backends': [],
    }
    cfg = read_config(CONFIG, small)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.dataset.size = (32, 64)
    return cfg.pretty_text


def checkpoint_files() -> dict[str, bytes]:
    """Return a small checkpoint in each format."""
    torch.manual_seed(0)
    state = {f'layer{index}.weight': torch.randn(8, 9, 3) for index in range(6)}
    state['layer0.num_batches_tracked'] = torch.tensor(7)
    save = partial(content_of, torch.save, dict(state_dict=state, meta=dict(iter=3)))
    return {
        'pth': save(),
        'pt': save(_use_new_zipfile_serialization=False),
        'safetensors': safetensors.torch.save(state),
    }


MASK = Image.fromarray(SCENE[..., 0] % CLASSES)
PALETTE = MASK.copy()
PALETTE.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
IMAGES = {
    kind: content_of(Image.fromarray(SCENE).save, **how)
    for kind, how in FORMATS.items()
}
MASKS = {
    kind: content_of(MASK.save, **FORMATS[kind]) for kind in ('tif', 'tiff', 'bmp')
}
CHECKPOINTS = checkpoint_files()
ZIPPED = {'pth': CHECKPOINTS.pop('pth')}
WEIGHTS = torch.arange(3 * CLASSES).cos().view(3, CLASSES)
MODEL = onnx_file(f'{{{", ".join(map(str, WEIGHTS.flatten().tolist()))}}}')
PROGRAM = torch.jit.trace(
    labels_of, torch.zeros(1, *SIZE, 3, dtype=torch.uint8)
).save_to_buffer(_extra_files={METADATA_FILE: json.dumps(METADATA)})
VIDEOS = {'mkv': video_file('matroska', 'ffv1'), 'mp4': video_file('mp4', 'libx264')}
TRAINED = config_text()


def read_mask(path: Path) -> np.ndarray:
    """Read a mask as a training does."""
    results = dict(seg_map_path=str(path), seg_fields=[], ori_shape=SIZE)
    return LoadCheckedAnnotations(num_classes=CLASSES).transform(results)['gt_seg_map']


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the tensors of a checkpoint as arrays."""
    content = checkpoints.load(path)
    state = content.get('state_dict', content)
    return {key: np.asarray(value) for key, value in state.items()}


def run_exported(path: Path) -> np.ndarray:
    """Predict with an exported file."""
    return open_exported(path, trust_program=True)(SCENE[None])


def read_video(path: Path) -> np.ndarray:
    """Read all frames."""
    with open_video(path) as frames:
        return np.stack([frame.image for frame in frames])


def label_raster(path: Path) -> np.ndarray:
    """Predict a raster."""
    Path('model.onnx').write_bytes(MODEL)
    predict_raster(ExportedPredictor('model.onnx'), path, 'labels.tif')
    return np.asarray(Image.open('labels.tif'))


def damage(content: bytes, random: Random) -> bytes:
    """Damage a file in one of the ways of disks, transfers, editors and attackers."""
    data, at = bytearray(content), random.randrange(len(content))
    length = random.choice([1, 2, 8, 64, len(data) // 4])
    match random.randrange(7):
        case 0:
            data[at] ^= 1 << random.randrange(8)
        case 1:
            del data[at:]
        case 2:
            del data[at : at + length]
        case 3:
            data[at:at] = random.randbytes(length)
        case 4:
            part = data[at : at + length]
            data[at : at + length] = random.randbytes(len(part))
        case 5:
            part = data[at : at + length]
            data[at : at + length] = bytes(len(part))
        case 6:  # near the start, where headers are
            at = random.randrange(min(64, len(data)))
            data[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF])
    return bytes(data)


def damage_config(text: str, random: Random) -> str:
    """Make one of the mistakes of people in a config."""
    tree = ast.parse(text)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    calls = [node for node in ast.walk(tree) if getattr(node, 'keywords', None)]
    match random.randrange(6):
        case 0:  # another value
            random.choice(nodes).value = random.choice([None, -1, 0, 0.5, 'x', True])
        case 1:  # a letter is missing in a name
            node = random.choice([n for n in nodes if n.value and type(n.value) is str])
            at = random.randrange(len(node.value))
            node.value = node.value[:at] + node.value[at + 1 :]
        case 2:  # a key is missing
            keywords = random.choice(calls).keywords
            del keywords[random.randrange(len(keywords))]
        case 3:  # a key is misspelt
            random.choice(random.choice(calls).keywords).arg += 's'
        case 4:  # a part is missing
            del tree.body[random.randrange(len(tree.body))]
        case 5:  # cut off
            return text[: random.randrange(len(text))]
    return ast.unparse(tree)


def train_damaged(number: int) -> str:
    """Train with a config that has a mistake."""
    Path('config.py').write_text(damage_config(TRAINED, Random(f'{SEED} {number}')))
    cli.run('train', ['config.py', '--work-dir', 'run'])
    return 'right'


def same(found: Any, expected: Any) -> bool:
    """Compare arrays, or dicts of them."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            same(found[key], value) for key, value in expected.items()
        )
    return found.dtype == expected.dtype and np.array_equal(found, expected)


def read_damaged(
    files: dict[str, bytes], read: Callable[[Path], Any], number: int
) -> str:
    """Damage one of some files and read it; return whether that is as before."""
    random = Random(f'{SEED} {number}')
    suffix = random.choice(list(files))
    path = Path(f'file.{suffix}')
    path.write_bytes(files[suffix])
    expected = read(path)
    path.write_bytes(damage(files[suffix], random))
    return 'right' if same(read(path), expected) else 'wrong'


# Name -> cases, what one of them does, whether the files carry checksums.
DAMAGED = {
    name: (cases, partial(read_damaged, files, read), has_checksum)
    for name, cases, files, read, has_checksum in (
        ('images, PNG', 250, {'png': IMAGES['png']}, read_image, True),
        ('images, 8 other kinds', 250, dict([*IMAGES.items()][1:]), read_image, False),
        (
            'masks, PNG',
            250,
            {'png': content_of(PALETTE.save, format='PNG')},
            read_mask,
            True,
        ),
        ('masks, TIFF and BMP', 250, MASKS, read_mask, False),
        ('checkpoints, zip', 100, ZIPPED, read_checkpoint, True),
        (
            'checkpoints, legacy and safetensors',
            100,
            CHECKPOINTS,
            read_checkpoint,
            False,
        ),
        ('TorchScript', 20, {'torchscript': PROGRAM}, run_exported, True),
        ('ONNX', 20, {'onnx': MODEL}, run_exported, False),
        ('videos', 30, VIDEOS, read_video, False),
        ('rasters', 30, {'tif': IMAGES['tiff']}, label_raster, False),
    )
}
