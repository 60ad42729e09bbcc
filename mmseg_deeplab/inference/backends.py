"""What computes the network of a predictor: PyTorch or ONNX Runtime.

The file that ONNX Runtime is given holds backbone and decode head, up to the logits in
the size in which the head gives them. All the rest stays in PyTorch: pipeline, windows,
scales, test-time augmentation, upsampling and CRF.
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.cache_folder import cache_folder
from mmseg_deeplab.utils.errors import InputError, MissingPackageError, reason
from mmseg_deeplab.version import __version__

from .exported import OnnxSession

if TYPE_CHECKING:
    from mmseg.models.segmentors import BaseSegmentor

    from .network import NetworkPredictor

BACKENDS = ('auto', 'torch', 'onnxruntime')
# Seconds of prediction by PyTorch below which `auto` makes no file. On 2 cores, to make
# one took 10 to 20 s. It saved half of the time of R26 at 128x256 and of MobileNetV2 at
# 360x480, a tenth and a quarter of it at 896x1152, and 6 % of that of v3+ R50.
WORTH = 60.0
# A job of fewer images is not timed, which would take one more prediction.
FEW = 8
# What the logits depend on, of the record of a folder of predictions.
MADE_OF = ('checkpoint', 'config', 'cfg_options', 'output_stride')


class Job(NamedTuple):
    """What a model is loaded for."""

    example: np.ndarray | None  # one of the images; None for a video or a raster
    files: int


class OnnxNetwork(nn.Module):
    """A network by ONNX Runtime, in the place of a backbone: inputs to its logits."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.session = OnnxSession(content)

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        found = self.session.run(inputs.contiguous().numpy())
        return tuple(map(torch.from_numpy, found))


def choose_backend(
    predictor: 'NetworkPredictor',
    backend: str,
    job: Job,
    *,
    made_of: Mapping[str, Any],
    export: Callable[..., None] | None = None,
) -> str:
    """Let ONNX Runtime compute the network of a predictor where that is faster.

    A file that was found equal and faster stays in the cache and is used for any job. A
    new one is made only for a job that would take PyTorch a minute.

    Args:
        predictor: Its network is replaced in place. An exported file stays as it is.
        backend: ``'torch'`` leaves it. ``'onnxruntime'`` is ONNX Runtime, or an
            InputError. ``'auto'`` is the faster one; what speaks against ONNX Runtime
            is said in one line, and remembered.
        job: What is to be predicted.
        made_of: The record of the predictions, which names the model by hashes.
        export: :func:`mmseg_deeplab.export.export_network`, which is in a higher layer;
            ``'torch'`` and, to mean the same, ``'auto'`` do without.

    Returns:
        ``'torch'`` or ``'onnxruntime'``.
    """
    if made_of['config'] is None:
        return _of_exported(made_of['checkpoint']['path'], backend)
    is_auto = backend == 'auto'
    device = next(predictor.segmentor.parameters()).device.type
    has_runtime = export is not None and _runtime_version() is not None
    if backend == 'torch' or (is_auto and (device != 'cpu' or not has_runtime)):
        return 'torch'
    if device != 'cpu':
        raise InputError(
            f'--backend onnxruntime is for a CPU, and the device is {device}. Remedy: '
            '--device cpu, or leave it out'
        )
    path = network_file(made_of)
    refusal = path.with_suffix('.json')
    is_known = path.is_file() or refusal.is_file()
    if is_auto and not is_known and not is_worth_it(predictor, job):
        return 'torch'
    try:
        if is_auto and refusal.is_file():
            raise InputError(json.loads(refusal.read_text())['reason'])
        if not path.is_file():
            print(f'the network is exported once, into {path}', file=sys.stderr)
            export(predictor, path, job, must_be_faster=is_auto)
        take_network(predictor.segmentor, path.read_bytes())
    except Exception as error:  # exporters and ONNX Runtime raise anything
        if not is_auto:
            raise InputError(f'--backend onnxruntime: {reason(error)}') from error
        if not isinstance(error, OSError | MissingPackageError):
            write_whole(json.dumps(dict(reason=reason(error))).encode(), refusal)
        told = f' ({refusal} remembers it)' if refusal.is_file() else ''
        print(f'ONNX Runtime is not used: {reason(error)}{told}', file=sys.stderr)
        return 'torch'
    return 'onnxruntime'


def network_file(made_of: Mapping[str, Any]) -> Path:
    """Return where the network of a model lies, or would lie, as an ONNX file."""
    versions = (__version__, torch.__version__, _runtime_version())
    hashes = [
        part.get('sha256', part) if isinstance(part, dict) else part
        for part in (made_of.get(name) or None for name in MADE_OF)
    ]
    text = json.dumps([*versions, torch.get_num_threads(), hashes], default=str)
    name = Path(made_of['checkpoint']['path']).stem
    digits = hashlib.sha256(text.encode()).hexdigest()[:16]
    return cache_folder() / 'onnx' / f'{name}-{digits}.onnx'


def network_logits(segmentor: 'BaseSegmentor', inputs: Tensor) -> Any:
    """Return the small logits of a batch, or the three maps of a panoptic network."""
    return segmentor.decode_head(segmentor.extract_feat(inputs))


def take_network(segmentor: 'BaseSegmentor', content: bytes) -> None:
    """Let an ONNX file compute the logits of a segmentor, which then only predicts."""
    segmentor.backbone = OnnxNetwork(content)
    segmentor.decode_head.forward = lambda maps: maps[0] if len(maps) == 1 else maps
    if segmentor.with_neck:
        segmentor.neck = nn.Identity()


def _of_exported(path: str, backend: str) -> str:
    own = 'onnxruntime' if Path(path).suffix.lower() == '.onnx' else 'torch'
    if backend not in ('auto', own):
        raise InputError(
            f'{path}: an exported file of this format is computed by {own}, not by '
            f'{backend}. Remedy: leave out --backend'
        )
    return own


def _runtime_version() -> str | None:
    """Return the version of ONNX Runtime, whose import takes a while; None without."""
    for name in ('onnxruntime', 'onnxruntime-gpu'):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def is_worth_it(predictor: 'NetworkPredictor', job: Job) -> bool:
    """Tell whether PyTorch would take long; videos and rasters are thought to."""
    if job.example is None:
        return job.files > 0
    if job.files < FEW:
        return False
    for _ in range(2):  # the first run is slower
        seconds = seconds_of(lambda: predictor.predict([job.example]))
        if seconds * job.files < WORTH:
            return False
    return True


def seconds_of(run: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
