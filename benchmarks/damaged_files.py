"""Sound files, the damage done to them, and what the package makes of the result."""

import ast
import io
import json
import uuid
from collections.abc import Callable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import av
import numpy as np
import onnx
import rasterio
import safetensors.torch
import torch
from onnx import helper, numpy_helper
from PIL import Image

from mmseg_deeplab import checkpoints, cli
from mmseg_deeplab.config import read_config
from mmseg_deeplab.datasets.transforms import LoadCheckedAnnotations
from mmseg_deeplab.inference import predict_raster
from mmseg_deeplab.inference.exported import (
    METADATA_FILE,
    ExportedPredictor,
    ExportMetadata,
    open_exported,
)
from mmseg_deeplab.inference.video_files import open_video

CONFIG = 'deeplabv2_r26_synthetic_streets'
SIZE = (24, 32)
CLASSES = 4
# Format of Pillow -> its options and the suffix. Only PNG has a checksum of all bytes.
IMAGES = {
    'png': ('PNG', {}),
    'jpg': ('JPEG', {}),
    'jpeg': ('JPEG', dict(progressive=True)),
    'tif': ('TIFF', {}),
    'tiff': ('TIFF', dict(compression='tiff_deflate')),
    'webp': ('WEBP', dict(lossless=True)),
    'bmp': ('BMP', {}),
    'gif': ('GIF', {}),
    'ppm': ('PPM', {}),
}


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


def scene() -> np.ndarray:
    """Return an image in which every pixel matters."""
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def encode(image: Image.Image, suffix: str) -> bytes:
    """Return an image file."""
    file, (kind, options) = io.BytesIO(), IMAGES[suffix]
    image.save(file, kind, **options)
    return file.getvalue()


@cache
def image_file(suffix: str) -> bytes:
    """Return an image file of noise."""
    return encode(Image.fromarray(scene()), suffix)


@cache
def mask_file(suffix: str) -> bytes:
    """Return a file of class ids; PNG as a palette image."""
    mask = Image.fromarray(scene()[..., 0] % CLASSES)
    if suffix == 'png':
        mask.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    return encode(mask, suffix)


def read_mask(path: Path) -> np.ndarray:
    """Read a mask as a training does."""
    results = dict(seg_map_path=str(path), seg_fields=[], ori_shape=SIZE)
    return LoadCheckedAnnotations(num_classes=CLASSES).transform(results)['gt_seg_map']


@cache
def checkpoint_file(suffix: str) -> bytes:
    """Return a small checkpoint."""
    generator, file = torch.Generator().manual_seed(0), io.BytesIO()
    state = {
        f'layer{index}.weight': torch.randn(8, 9, 3, generator=generator)
        for index in range(6)
    } | {'layer0.num_batches_tracked': torch.tensor(7)}
    if suffix == 'safetensors':
        return safetensors.torch.save(state)
    content = dict(state_dict=state, meta=dict(iter=3))
    torch.save(content, file, _use_new_zipfile_serialization=suffix == 'pth')
    return file.getvalue()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return the tensors of a checkpoint as arrays."""
    content = checkpoints.load(path)
    state = content.get('state_dict', content)
    return {key: np.asarray(value) for key, value in state.items()}


def metadata() -> dict[str, str]:
    """Return what an exported file says about itself."""
    names = tuple(map(str, range(CLASSES)))
    return ExportMetadata(
        names, [[9] * 3] * CLASSES, 'labels', 'x', [0.0] * 3, [1.0] * 3, 'RGB', 1, False
    ).to_text()


@cache
def onnx_file(suffix: str) -> bytes:
    """Return an exported model whose labels depend on all pixels and weights."""
    weights = np.random.default_rng(1).normal(size=(3, CLASSES)).astype(np.float32)
    names = ['batch', 'height', 'width']
    graph = helper.make_graph(
        [
            helper.make_node('Cast', ['image'], ['x'], to=onnx.TensorProto.FLOAT),
            helper.make_node('MatMul', ['x', 'w'], ['y']),
            helper.make_node('ArgMax', ['y'], ['z'], axis=3, keepdims=0),
            helper.make_node('Cast', ['z'], ['labels'], to=onnx.TensorProto.UINT8),
        ],
        'model',
        [helper.make_tensor_value_info('image', onnx.TensorProto.UINT8, [*names, 3])],
        [helper.make_tensor_value_info('labels', onnx.TensorProto.UINT8, names)],
        [numpy_helper.from_array(weights, 'w')],
    )
    opset = helper.make_opsetid('', 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    helper.set_model_props(model, metadata())
    return model.SerializeToString()


class Labels(torch.nn.Module):
    """The same as a program of PyTorch."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.register_buffer('weights', torch.randn(3, CLASSES, generator=generator))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return labels."""
        return (images.float() @ self.weights).argmax(3).to(torch.uint8)


@cache
def torchscript_file(suffix: str) -> bytes:
    """Return a TorchScript program."""
    program = torch.jit.trace(Labels(), torch.zeros(1, *SIZE, 3, dtype=torch.uint8))
    extra = {METADATA_FILE: json.dumps(metadata())}
    return program.save_to_buffer(_extra_files=extra)


def run_exported(path: Path) -> np.ndarray:
    """Predict with an exported file."""
    return open_exported(path, trust_program=True)(scene()[None])


@cache
def video_file(suffix: str) -> bytes:
    """Return a video of three frames."""
    file = io.BytesIO()
    format_, codec = dict(mkv=('matroska', 'ffv1'), mp4=('mp4', 'libx264'))[suffix]
    with av.open(file, 'w', format_) as container:
        stream = container.add_stream(codec, 10)
        stream.height, stream.width = SIZE
        for index in range(3):
            frame = av.VideoFrame.from_ndarray(np.roll(scene(), index, 0))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def read_video(path: Path) -> np.ndarray:
    """Read all frames."""
    with open_video(path) as frames:
        return np.stack([frame.image for frame in frames])


@cache
def raster_file(suffix: str) -> bytes:
    """Return a tiled GeoTIFF."""
    profile = dict(driver='GTiff', count=3, dtype='uint8', compress='deflate')
    with rasterio.MemoryFile() as file:
        with file.open(height=SIZE[0], width=SIZE[1], **profile) as raster:
            raster.write(scene().transpose(2, 0, 1))
        return file.read()


def label_raster(path: Path) -> np.ndarray:
    """Predict a raster."""
    model, labels = path.with_name('model.onnx'), path.with_name('labels.tif')
    model.write_bytes(onnx_file('onnx'))
    predict_raster(ExportedPredictor(model), path, labels)
    with rasterio.open(labels) as raster:
        return raster.read(1)


@cache
def config_text() -> str:
    """Return a config that trains a small network for one step."""
    small = {
        'crop_size': (32, 64),
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.num_images': 2,
        'val_dataloader.dataset.num_images': 2,
        'train_cfg.max_iters': 1,
        'train_cfg.val_interval': 1,
        'visualizer.vis_backends': [],
    }
    cfg = read_config(CONFIG, small)
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        loader.update(num_workers=0, persistent_workers=False)
        loader.pop('prefetch_factor', None)
        loader.dataset.size = (32, 64)
    return cfg.pretty_text


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


def train(folder: Path, random: Random) -> str:
    """Train with a config that has a mistake."""
    path = folder / 'config.py'
    names = f"\nvisualizer['name'] = experiment_name = '{uuid.uuid4()}'\n"
    path.write_text(damage_config(config_text(), random) + names)
    cli.run('train', [str(path), '--work-dir', str(folder / 'run')])
    return 'right'


def same(found: Any, expected: Any) -> bool:
    """Compare arrays, or dicts of them."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(
            same(found[key], value) for key, value in expected.items()
        )
    return found.dtype == expected.dtype and np.array_equal(found, expected)


class Damaged(NamedTuple):
    """A kind of file: how one is made and read, and its suffixes."""

    make: Callable[[str], bytes]
    read: Callable[[Path], Any]
    suffixes: tuple[str, ...]

    def __call__(self, folder: Path, random: Random) -> str:
        """Damage a file and read it; return whether that is as before."""
        suffix = random.choice(self.suffixes)
        content = self.make(suffix)
        path = folder / f'file.{suffix}'
        path.write_bytes(content)
        expected = self.read(path)
        path.write_bytes(damage(content, random))
        return 'right' if same(self.read(path), expected) else 'wrong'
