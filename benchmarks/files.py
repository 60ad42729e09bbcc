"""``files``: predictions from JPEG files to masks and overlays on the disk."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmseg.apis import MMSegInferencer
from PIL import Image
from torch import nn

from mmseg_deeplab.export import export_network
from mmseg_deeplab.inference import FileOutputs, RunOptions, load_predictor
from mmseg_deeplab.inference.backends import Job, take_network
from mmseg_deeplab.inference.file_run import FileRun
from mmseg_deeplab.inference.input_files import InputFile
from mmseg_deeplab.inference.predictor import ModelSource, Predictor
from mmseg_deeplab.utils.class_colors import class_colors

from .case import Case, Errors, Study
from .inference import LARGEST_SHARE, SMALL_R26, compare_labels
from .networks import Network, scenes, stock_segmentor
from .report import LIMIT, columns_of

PIPELINE = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
ONE_MEGAPIXEL = (896, 1152)


@dataclass(frozen=True)
class Folder:
    """Images of one size, and the network that predicts them."""

    network: Network
    count: int


R26 = Network('v2 R26, 8 channels', 'deeplabv2_r101', 8, ONE_MEGAPIXEL, SMALL_R26)
MNV2 = Network('v3 MobileNetV2', 'deeplabv3_mobilenetv2', 19, ONE_MEGAPIXEL)
SMALL = Network('v2 R26, 8 channels', 'deeplabv2_r101', 8, (224, 288), SMALL_R26)


def file_cases(
    folder: Folder, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per variant: against the network alone, against MMSegmentation.

    ``network`` is the network of ours on decoded images: the time that files cost is
    what lies above it. ``inferencer`` is ``MMSegInferencer`` with an ``out_dir``, which
    ``onnxruntime`` is compared with, too.
    """
    network = folder.network
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        stock = stock_segmentor(network.config(), network.size, device)
        source = write_model(root, network, stock)
        paths = write_images(root / 'in', folder)
        predictor = load_predictor(source, device=str(device))
        ours = partial(predict_files, predictor, paths, root / 'ours')
        inferencer = MMSegInferencer(
            source.config, source.checkpoint, device=str(device)
        )
        inferencer.show_progress = False
        by_inferencer = partial(run_inferencer, inferencer, paths, root / 'stock')
        sides = dict(
            network=partial(predict_arrays, predictor, paths[0], folder.count),
            inferencer=by_inferencer,
            onnxruntime=by_inferencer,
        )
        for variant in variants:
            if variant == 'onnxruntime':
                fast = on_onnxruntime(source, root / 'network.onnx')
                ours = partial(predict_files, fast, paths, root / 'ours')
            yield Case(
                group=f'{network.name}, {folder.count} JPEGs of '
                f'{network.size[0]} x {network.size[1]}',
                name=dict(
                    network='against the network alone',
                    inferencer='against `MMSegInferencer`',
                    onnxruntime='in ONNX Runtime, against `MMSegInferencer`',
                )[variant],
                stock=sides[variant],
                ours=ours,
                compare=compare,
                device=device,
            )


def on_onnxruntime(source: ModelSource, file: Path) -> Predictor:
    """Return a predictor whose network is computed by ONNX Runtime."""
    predictor = load_predictor(source)
    export_network(predictor, file, Job(None, 1), must_be_faster=False)
    take_network(predictor.segmentor, file.read_bytes())
    return predictor


def write_model(root: Path, network: Network, model: nn.Module) -> ModelSource:
    """Write a config and a checkpoint that both sides load."""
    classes = tuple(f'class {number}' for number in range(network.num_classes))
    meta = dict(classes=classes, palette=class_colors(classes))
    state = dict(state_dict=model.state_dict(), meta=dict(dataset_meta=meta))
    torch.save(state, root / 'model.pth')
    dataset = dict(dataset=dict(type='BaseSegDataset', pipeline=PIPELINE))
    # MMSegmentation's inferencer wants backends, and drops them with a warning.
    visualizer = dict(
        type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]
    )
    cfg = Config(
        dict(
            default_scope='mmseg',
            model=network.config(),
            test_dataloader=dataset,
            visualizer=visualizer,
        )
    )
    cfg.model.type = 'EncoderDecoder'
    cfg.dump(root / 'model.py')
    return ModelSource(str(root / 'model.py'), str(root / 'model.pth'))


def write_images(root: Path, folder: Folder) -> list[str]:
    """Write one scene many times."""
    root.mkdir()
    (image,) = scenes(1, folder.network.size, torch.device('cpu'))
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
    paths = [str(root / f'{number:04d}.jpg') for number in range(folder.count)]
    for path in paths:
        cv2.imwrite(path, pixels)
    return paths


def predict_files(
    predictor: Predictor, paths: Sequence[str], out: Path
) -> torch.Tensor:
    """Predict files into a folder, all of them anew; return the masks."""
    outputs = FileOutputs(out)
    run = FileRun(lambda device: predictor, outputs, RunOptions(), since=np.inf)
    failures = run.run([InputFile(path, Path(path).stem) for path in paths])
    assert not failures, failures
    return masks(out / 'labels')


def predict_arrays(predictor: Predictor, path: str, count: int) -> torch.Tensor:
    """Predict one decoded image many times."""
    image = np.ascontiguousarray(cv2.imread(path)[..., ::-1])
    found = [predictor.predict([image])[0].labels for _ in range(count)]
    return torch.from_numpy(np.stack(found))


def run_inferencer(
    inferencer: MMSegInferencer, paths: Sequence[str], out: Path
) -> torch.Tensor:
    """Predict files by MMSegmentation."""
    inferencer(list(paths), out_dir=str(out))
    return masks(out / 'pred')


def masks(folder: Path) -> torch.Tensor:
    """Read the first and the last mask of a folder."""
    paths = sorted(folder.glob('*.png'))
    chosen = np.stack([np.array(Image.open(path)) for path in (paths[0], paths[-1])])
    return torch.from_numpy(chosen)


def compare(stock: torch.Tensor, ours: torch.Tensor) -> Errors:
    """Compare the first and the last mask."""
    return compare_labels(stock[[0, -1]], ours[[0, -1]], largest=LARGEST_SHARE)


STUDY = Study(
    help='predictions from files to files: with MMSegmentation, and the network alone',
    columns=columns_of(('network and files', 'compared'), LIMIT),
    subjects={'v2_r26': Folder(R26, 200), 'v3_mobilenetv2': Folder(MNV2, 200)},
    quick={'v2_r26_small': Folder(SMALL, 12)},
    cases=file_cases,
    variants=('network', 'inferencer', 'onnxruntime'),
)
