"""``files``: predictions from JPEG files to masks and overlays on the disk."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmseg.apis import MMSegInferencer
from PIL import Image
from torch import nn

from mmseg_deeplab.export import export_network
from mmseg_deeplab.inference import FileOutputs, RunOptions, load_predictor
from mmseg_deeplab.inference.backends import Job, choose_backend
from mmseg_deeplab.inference.file_run import FileRun
from mmseg_deeplab.inference.input_files import InputFile
from mmseg_deeplab.inference.output_folder import describe
from mmseg_deeplab.inference.predictor import ModelSource, Predictor
from mmseg_deeplab.utils.cache_folder import VARIABLE
from mmseg_deeplab.utils.class_colors import class_colors

from .case import Case, Errors, Study
from .inference import LARGEST_SHARE, MNV2, SMALL_R26, compare_labels
from .networks import Network, scenes, stock_segmentor
from .peer_files import LIBRARIES, ULTRALYTICS, Run
from .peers import SMP, compare_shapes, like_smp
from .report import MEMORY, RATIO, rate_of

PIPELINE = [dict(type='LoadImageFromFile'), dict(type='PackSegInputs')]
ONE_MEGAPIXEL = (896, 1152)


@dataclass(frozen=True)
class Folder:
    """Images of one size, and the network that predicts them."""

    network: Network
    count: int
    library: str = ''  # with a network of like cost


V3PLUS_MNV2 = ('v3+ MobileNetV2', 'deeplabv3plus_mobilenetv2', 19)
R26 = ('v2 R26, 8 channels', 'deeplabv2_r101', 8)
FOLDERS = {
    'v3_mobilenetv2_small': Folder(Network(*MNV2, (360, 480)), 24),
    'v3_mobilenetv2': Folder(Network(*MNV2, (1024, 2048)), 4),
    'v3plus_r50': Folder(Network('v3+ R50', 'deeplabv3plus_r50', 19, (512, 512)), 4),
    'v2_r26': Folder(Network(*R26, (128, 256), SMALL_R26), 60),
    'v2_r26_megapixel': Folder(Network(*R26, ONE_MEGAPIXEL, SMALL_R26), 12),
    'v3_mobilenetv2_megapixel': Folder(Network(*MNV2, ONE_MEGAPIXEL), 12),
    'smp_v3plus_r50': Folder(like_smp(19, (512, 512)), 8, SMP),
    'v3plus_mobilenetv2': Folder(Network(*V3PLUS_MNV2, (512, 1024)), 12, ULTRALYTICS),
}
QUICK = {'v2_r26_quick': Folder(Network(*R26, (224, 288), SMALL_R26), 12)}
# What our predictions of files are compared with, by a variant: its name in the table,
# and the backend of ours. The network alone gets decoded images and writes nothing.
VARIANTS = {
    'network': ('torch, against its network alone', 'torch'),
    'inferencer': ('`auto`, against `MMSegInferencer`', 'auto'),
    'torch': ('`auto`, against torch', 'auto'),
    'onnxruntime': ('`auto`, against ONNX Runtime', 'auto'),
    'library': ('`auto`, against {}', 'auto'),
}


def file_cases(
    folder: Folder, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make a case per variant; the exported file of ``auto`` is there already."""
    network = folder.network
    with (
        tempfile.TemporaryDirectory() as name,
        patch.dict(os.environ, {VARIABLE: name}),
    ):
        root = Path(name)
        stock = stock_segmentor(network.config(), network.size, device)
        source = write_model(root, network, stock)
        paths = write_images(root / 'in', folder)
        inferencer = MMSegInferencer(
            source.config, source.checkpoint, device=str(device)
        )
        inferencer.show_progress = False
        predictors = {
            name: with_backend(source, name, device)
            for name in ('torch', 'auto', 'onnxruntime')  # which exports at any rate
        }
        sides = {
            name: partial(predict_files, predictor, paths, root / name)
            for name, predictor in predictors.items()
        }
        sides['inferencer'] = partial(run_inferencer, inferencer, paths, root / 'stock')
        sides['network'] = partial(
            predict_arrays, predictors['torch'], paths[0], folder.count
        )
        if 'library' in variants and is_installed(folder.library):
            library_run = LIBRARIES[folder.library](network, device)
            sides['library'] = partial(run_library, library_run, paths, root / 'other')
        for variant in filter(sides.__contains__, variants):
            text, backend = VARIANTS[variant]
            yield Case(
                group=f'{network.name}, JPEGs of {network.size[0]} x {network.size[1]}',
                name=text.format(folder.library),
                stock=sides[variant],
                ours=sides[backend],
                compare=compare_shapes if variant == 'library' else compare,
                device=device,
                facts=dict(images=folder.count),
            )


def is_installed(library: str) -> bool:
    """Tell if there is a library to measure; say so if it is missing."""
    found = bool(library) and find_spec(library) is not None
    if library and not found:
        print(f'{library} is missing and left out: pip install {library}')
    return found


def with_backend(source: ModelSource, backend: str, device: torch.device) -> Predictor:
    """Return a predictor, its network exported first if that is to be."""
    predictor = load_predictor(source, device=str(device))
    choose_backend(
        predictor,
        backend,
        Job(None, 1),  # as a video, always worth a file
        made_of=describe(source, {}),
        export=export_network,
    )
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


def run_library(run: Run, paths: Sequence[str], out: Path) -> torch.Tensor:
    """Predict files by another library."""
    out.mkdir(exist_ok=True)
    run(paths, out)
    return masks(out)


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
    columns={
        'network and files': lambda row: row['group'],
        'ours and what it is compared with': lambda row: row['name'],
        'images/s of that': rate_of('stock'),
        'images/s of ours': rate_of('ours'),
        **RATIO,
        **MEMORY,
    },
    subjects=FOLDERS,
    quick=QUICK,
    cases=file_cases,
    variants=tuple(VARIANTS),
)
