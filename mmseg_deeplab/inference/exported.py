"""Prediction with an exported file alone: no config, no checkpoint, no network code."""

import json
import os
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from threading import Lock
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np
import torch
import torch.nn.functional as F

from mmseg_deeplab.ops import group_panoptic
from mmseg_deeplab.ops.list_segments import list_segments
from mmseg_deeplab.utils.errors import InputError, reason
from mmseg_deeplab.utils.image_bands import ImageBands
from mmseg_deeplab.utils.json_files import parse_json
from mmseg_deeplab.utils.onnx_runtime import import_onnxruntime
from mmseg_deeplab.version import __version__

from .images import check_image
from .predictor import Prediction, Segments, label_dtype

# Of torch, when it loads a program; `catch_warnings` would not be safe with threads.
for _message in ('The given buffer is not writable', '`torch.jit.load` is deprecated'):
    warnings.filterwarnings('ignore', message=_message)

METADATA_FILE = 'mmseg_deeplab.json'  # inside .pt2 and .torchscript files
INPUT = 'image'  # name of the input of .onnx files
PACKAGE = 'mmseg_deeplab'
PANOPTIC_OUTPUTS = 'center', 'offset'
EXPORT_AGAIN = 'Remedy: copy or export the file again'


@dataclass(frozen=True)
class ExportMetadata:
    """What an exported file says about itself; each value is stored as JSON."""

    classes: tuple[str, ...]  # names of the K classes
    palette: list[list[int]]  # their colours, R, G, B
    # 'labels', (N, H, W), uint8 (int32 with more than 256 classes), or
    # 'probabilities', (N, K, H, W), float32
    output: str
    config: str  # name of the config
    # The graph subtracts the mean from R, G, B (0 to 255) and divides by std.
    mean: list[float]
    std: list[float]
    # The order inside the network, 'RGB' or 'BGR'; the file takes RGB. '' for bands.
    channels: str
    size_divisor: int  # the graph pads both sides to multiples of it; 1: no padding
    align_corners: bool  # how the logits are resized to the size of the image
    threshold: float | None = None  # of a single sigmoid channel; None: argmax
    # Arguments of mmcv's Resize where the test pipeline has one. Resizing is not inside
    # the graph; ExportedPredictor does it.
    resize: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()  # what the file leaves out
    int8: dict[str, Any] | None = None  # how the file was quantised, if it was
    # Arguments of `group_panoptic` if the file has two more outputs, `center` and
    # `offset`, in pixels.
    panoptic: dict[str, Any] | None = None
    # Arguments of `ImageBands`, for a network of other images than colours in 8 bits.
    # The file then takes what `read_bands` gives.
    bands: dict[str, Any] | None = None
    package: str = PACKAGE
    version: str = __version__

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the outputs."""
        return (self.output, *(PANOPTIC_OUTPUTS if self.panoptic else ()))

    def to_text(self) -> dict[str, str]:
        return {name: json.dumps(value) for name, value in asdict(self).items()}

    @classmethod
    def from_text(
        cls, found: Mapping[str, str], *, path: str | Path
    ) -> 'ExportMetadata':
        """Read what :meth:`to_text` has written; InputError if the file lacks it."""
        if found.get('package') != json.dumps(PACKAGE):
            raise InputError(
                f'{path}: holds no metadata of mmseg_deeplab. Remedy: export the model '
                'with mmseg-deeplab export'
            )
        try:
            values = {
                one.name: parse_json(found[one.name], one.name)
                for one in fields(cls)
                if one.name in found or one.default is MISSING
            }
            for name in ('classes', 'notes'):
                values[name] = tuple(values.get(name, ()))
            size = values.get('resize') or {}
            for name, value in size.items():
                size[name] = tuple(value) if isinstance(value, list) else value
        except (KeyError, TypeError, AttributeError, InputError) as error:
            raise InputError(
                f'{path}: its metadata are damaged or of another version '
                f'({reason(error)}). {EXPORT_AGAIN}'
            ) from error
        return cls(**values)


class OnnxFile:
    """An ONNX Runtime session: ``(N, H, W, 3)`` uint8, RGB to labels or probabilities.

    It is made of the path or the content of a file.
    """

    def __init__(self, source: str | Path | bytes, device: str = 'cpu') -> None:
        self.session = OnnxSession(source, device)
        name = 'the model' if isinstance(source, bytes) else source
        properties = self.session.opened().get_modelmeta().custom_metadata_map
        self.metadata = ExportMetadata.from_text(properties, path=name)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        return self.outputs(images)[0]

    def outputs(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the outputs in the order of the metadata."""
        return self.session.run(images)


class OnnxSession:
    """An ONNX file, given by its path or its bytes, in ONNX Runtime.

    It has as many threads as PyTorch in the thread that calls it: by default those of
    ``OMP_NUM_THREADS``, less where several predict at a time. Each number of threads
    has a session, opened when it is first needed.
    """

    def __init__(self, source: str | Path | bytes, device: str = 'cpu') -> None:
        self._source, self._device = source, device
        self._lock, self._sessions = Lock(), {}
        self.opened()

    def run(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the outputs for the one input."""
        return self.opened().run(None, {INPUT: images})

    def opened(self) -> Any:
        """Return the ``InferenceSession`` with the threads of the caller."""
        threads = torch.get_num_threads()
        with self._lock:
            if threads not in self._sessions:
                self._sessions[threads] = _open_session(self._source, self._device)
            return self._sessions[threads]


def _open_session(source: str | Path | bytes, device: str) -> Any:
    runtime = import_onnxruntime(purpose='Prediction with an ONNX file')
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors only
    options.intra_op_num_threads = torch.get_num_threads()
    # They would wait in a loop, on cores that PyTorch and the files need meanwhile.
    options.add_session_config_entry('session.intra_op.allow_spinning', '0')
    providers = _providers(runtime, device)
    try:
        return runtime.InferenceSession(source, options, providers)
    except Exception as error:  # the errors of ONNX Runtime have no common base
        name = 'the model' if isinstance(source, bytes) else source
        raise InputError(
            f'{name}: not a whole ONNX file ({error}). {EXPORT_AGAIN}'
        ) from error


def _providers(runtime: Any, device: str) -> list[Any]:
    kind, _, number = device.partition(':')
    if kind == 'cpu':
        return ['CPUExecutionProvider']
    if kind != 'cuda':
        raise InputError(f"device must be 'cpu' or 'cuda', received {device!r}")
    if 'CUDAExecutionProvider' not in runtime.get_available_providers():
        raise InputError(
            f'device={device!r}: the installed ONNX Runtime runs on the CPU only. '
            'Remedy: pip install onnxruntime-gpu in place of onnxruntime'
        )
    return [('CUDAExecutionProvider', dict(device_id=int(number or 0)))]


class TorchFile:
    """A loaded ``.pt2`` or ``.torchscript`` file, which is called as an OnnxFile."""

    def __init__(self, path: str | Path, device: str = 'cpu') -> None:
        self.path, self.device = Path(path), device
        self.metadata = _archive_metadata(self.path)
        try:
            if self.path.suffix.lower() == '.pt2':
                self._module = _load_program(self.path, device)
            else:
                self._module = torch.jit.load(str(path), map_location=device)
        except Exception as error:  # torch's loaders raise anything
            raise InputError(
                f'{path}: not a whole program ({reason(error)}). {EXPORT_AGAIN}'
            ) from error

    @torch.no_grad()
    def __call__(self, images: np.ndarray) -> np.ndarray:
        try:
            result = self._module(torch.from_numpy(images).to(self.device))
        except AssertionError as error:  # a condition of the program
            raise InputError(
                f'{self.path}: cannot take images of {images.shape[1:3]} pixels '
                f'({error}). Remedy: larger images, or a file of --format onnx'
            ) from error
        return result.cpu().numpy()

    def outputs(self, images: np.ndarray) -> list[np.ndarray]:
        return [self(images)]


def _load_program(path: Path, device: str) -> torch.nn.Module:
    # torch.export.load unpickles without restrictions unless this variable is set.
    with patch.dict(os.environ, TORCH_FORCE_WEIGHTS_ONLY_LOAD='1'):
        program = torch.export.load(path)
    if device != 'cpu':
        program = torch.export.passes.move_to_device_pass(program, device)
    return program.module()


def _archive_metadata(path: Path) -> ExportMetadata:
    """Read the metadata of a zip archive of PyTorch without loading the program."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if n.endswith(f'/{METADATA_FILE}')]
            found = parse_json(archive.read(names[0]), METADATA_FILE) if names else {}
    except Exception as error:  # each part of an archive breaks in its own way
        raise InputError(
            f'{path}: not a whole file of PyTorch ({reason(error)}). {EXPORT_AGAIN}'
        ) from error
    return ExportMetadata.from_text(found, path=path)


FILE_TYPES = {'.onnx': OnnxFile, '.pt2': TorchFile, '.torchscript': TorchFile}


def open_exported(
    path: str | Path, *, device: str = 'cpu', trust_program: bool = False
) -> OnnxFile | TorchFile:
    """Open an exported file by its suffix; a program only if it is to be trusted."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'exported model {str(path)!r} does not exist (current folder {Path.cwd()})'
        )
    if path.suffix.lower() not in FILE_TYPES:
        raise InputError(f'{path}: an exported model ends in {", ".join(FILE_TYPES)}')
    file_type = FILE_TYPES[path.suffix.lower()]
    if file_type is TorchFile and not trust_program:
        raise InputError(
            f'{path}: a {path.suffix} file is a program, which may do anything on this '
            'machine. Remedy: an .onnx file, which is data; or, for your own file, '
            '--trust-program (in Python, trust_program=True)'
        )
    return file_type(path, device)


class ExportedPredictor:
    """An exported file as a :class:`~mmseg_deeplab.inference.Predictor`.

    Where the config's test pipeline resizes images, so does this class, and resizes the
    result back: probabilities bilinearly, labels to the nearest pixel. A ``.pt2`` or
    ``.torchscript`` file is a program, which may do anything: ``trust_program`` allows
    it.
    """

    def __init__(
        self, path: str | Path, *, device: str = 'cpu', trust_program: bool = False
    ) -> None:
        self.path = Path(path)
        self.file = open_exported(path, device=device, trust_program=trust_program)
        self.metadata = self.file.metadata
        self.classes: tuple[str, ...] = self.metadata.classes
        self.palette: list[list[int]] = self.metadata.palette
        self.align_corners: bool = self.metadata.align_corners
        bands = self.metadata.bands
        self.bands = ImageBands(**bands) if bands else None
        self._resize = None
        if self.metadata.resize is not None:
            from mmcv.transforms import Resize

            self._resize = Resize(**self.metadata.resize)

    def predict(
        self, images: Sequence[np.ndarray], *, probabilities: bool = False
    ) -> list[Prediction]:
        """Predict images of any sizes, equal sizes together; see :class:`Predictor`."""
        if probabilities and self.metadata.output != 'probabilities':
            raise InputError(
                f'{self.path}: was exported with labels as its output and has no '
                'probabilities. Remedy: mmseg-deeplab export --output probabilities'
            )
        inputs = [self.prepare(image) for image in images]
        groups: dict[tuple[int, ...], list[int]] = {}
        for index, image in enumerate(inputs):
            groups.setdefault(image.shape, []).append(index)
        results: dict[int, tuple[np.ndarray, ...]] = {}
        for indices in groups.values():
            batch = np.stack([inputs[index] for index in indices])
            outputs = zip(*self.file.outputs(batch), strict=True)
            results |= zip(indices, outputs, strict=True)
        return [
            self._prediction(*results[index], size=image.shape[:2], keep=probabilities)
            for index, image in enumerate(images)
        ]

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Check an image ``(H, W, C)`` and resize it as the test pipeline does."""
        check_image(image, self.bands)
        if self.bands is not None and self.bands.value_range is not None:
            image = image.astype(np.float32, copy=False)
        if self._resize is None:
            return image
        image = self._resize.transform(dict(img=image))['img']
        return image[..., None] if image.ndim == 2 else image

    def _prediction(
        self,
        result: np.ndarray,
        *instances: np.ndarray,
        size: tuple[int, int],
        keep: bool,
    ) -> Prediction:
        if result.ndim == 3:
            if result.shape[1:] != size:
                result = self._resized(torch.from_numpy(result), size).numpy()
            threshold = self.metadata.threshold
            labels = result.argmax(0) if threshold is None else result[1] > threshold
        elif result.shape == size:
            labels = result
        else:
            nearest = cv2.INTER_NEAREST_EXACT
            labels = cv2.resize(result, size[::-1], interpolation=nearest)
        labels = labels.astype(label_dtype(len(self.classes)))
        segments = None
        if instances:
            confidence = result.max(0) if result.ndim == 3 else np.ones(size, 'f4')
            segments = self._segments(labels, confidence, *instances)
        return Prediction(labels, result if keep else None, segments)

    def _resized(self, maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Resize ``(C, H, W)`` bilinearly."""
        return F.interpolate(
            maps[None], size=size, mode='bilinear', align_corners=self.align_corners
        )[0]

    def _segments(
        self,
        labels: np.ndarray,
        confidence: np.ndarray,
        heat: np.ndarray,
        offset: np.ndarray,
    ) -> Segments:
        """Group the pixels of one image, whose labels have its size."""
        options, size = self.metadata.panoptic, labels.shape
        heat, offset = torch.from_numpy(heat), torch.from_numpy(offset)
        if heat.shape[1:] != size:
            growth = torch.tensor(size) / torch.tensor(heat.shape[1:])
            heat = self._resized(heat, size)
            offset = self._resized(offset, size) * growth.view(2, 1, 1)
        classes = torch.from_numpy(labels.astype(np.int64))
        ids = group_panoptic(classes, heat[0], offset, **options)
        infos = list_segments(
            ids,
            torch.from_numpy(confidence),
            heat[0],
            thing_classes=options['thing_classes'],
        )
        return Segments(ids.numpy(), infos)
