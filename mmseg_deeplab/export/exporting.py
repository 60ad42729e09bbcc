"""From a config and a checkpoint to a checked file."""

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mmcv.transforms import Resize
from mmengine.config import ConfigDict
from mmseg.datasets.transforms import PackSegInputs
from mmseg.models.segmentors import BaseSegmentor

from mmseg_deeplab.inference import DeepLabInferencer
from mmseg_deeplab.inference.exported import ExportMetadata
from mmseg_deeplab.models import PanopticDeepLab
from mmseg_deeplab.models.fast_prediction import prepare_for_inference
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.value_checks import require_one_of

from .check_file import Agreement, check_file
from .export_formats import FORMATS
from .graph import PanopticGraph, PredictionGraph


@dataclass(frozen=True)
class Export:
    """An exported file, its metadata, and how far it is from the network."""

    path: Path
    metadata: ExportMetadata
    agreement: Agreement

    def text(self) -> str:
        size = self.path.stat().st_size / 1e6
        content = f'{self.metadata.output} of {len(self.metadata.classes)} classes'
        lines = [
            f'{self.path}: {content}, {size:.1f} MB',
            f'checked against the network: {self.agreement.text()}',
            *(f'note: {note}' for note in self.metadata.notes),
        ]
        return '\n'.join(lines)


def export_model(
    config: str,
    checkpoint: str,
    *,
    format: str = 'onnx',
    out: str | Path | None = None,
    output: str = 'labels',
    device: str = 'cpu',
    msc: bool = False,
    output_stride: int | None = None,
    cfg_options: dict[str, Any] | None = None,
) -> Export:
    """Write a model into one file, and check that the file predicts the same.

    BatchNorm is folded. The file takes RGB bytes of any size, or the bands that the
    network reads; normalisation, padding, upsampling and argmax are inside.

    Args:
        config: Path of the config.
        checkpoint: Path or URL of the weights.
        format: ``'onnx'``, ``'torch_export'`` or ``'torchscript'``.
        out: Path of the file, or a folder for a file with the checkpoint's name; by
            default the checkpoint's.
        output: ``'labels'`` or ``'probabilities'``.
        device: Where the file is run for the check.
        msc: Predict at three scales, as ``MultiScaleEncoderDecoder`` does.
        output_stride: Output stride to export at instead of the config's.
        cfg_options: Override settings of the config, dotted keys.

    Raises:
        ValueError: If the model cannot be exported; ExportDiffersError is one.
    """
    require_one_of('format', format, FORMATS)
    suffix, write = FORMATS[format]
    path = _path(checkpoint, out, suffix)
    options = dict(msc=msc, output_stride=output_stride, cfg_options=cfg_options)
    inferencer = DeepLabInferencer(
        config, checkpoint, device='cpu', show_progress=False, **options
    )
    segmentor = inferencer.segmentor
    if isinstance(segmentor, PanopticDeepLab) and format != 'onnx':
        raise InputError(
            f'a panoptic network has three outputs, and files of --format {format} '
            'one. Remedy: --format onnx'
        )
    notes = _leave_out(segmentor)
    kind = PanopticGraph if isinstance(segmentor, PanopticDeepLab) else PredictionGraph
    folded = prepare_for_inference(copy.deepcopy(segmentor), channels_last=False)
    graph = kind(folded, output, inferencer.bands).eval()
    metadata = _metadata(inferencer, graph, notes, config=Path(config).stem)
    content = write(graph, metadata)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_bytes(content)
        agreement = check_file(trial, segmentor, device=device)
    write_whole(content, path)
    return Export(path, metadata, agreement)


def _path(checkpoint: str, out: str | Path | None, suffix: str) -> Path:
    """Return the path of the file; a folder gets one with the checkpoint's name."""
    path = Path(out or ('' if '://' in checkpoint else Path(checkpoint).parent))
    if path.is_dir():
        path /= Path(checkpoint).with_suffix(suffix).name
    if path.suffix != suffix:
        raise InputError(f'{path}: a file of this format ends in {suffix}')
    return path


def _leave_out(segmentor: BaseSegmentor) -> tuple[str, ...]:
    """Remove what no file can do, and return notes about it."""
    notes = []
    if getattr(segmentor, 'crf', None) is not None:
        segmentor.crf = None
        notes.append('the CRF of the config is not exported')
    if segmentor.test_cfg.get('mode', 'whole') != 'whole':
        size = tuple(segmentor.test_cfg.get('crop_size', ()))
        notes.append(f'no sliding windows of {size}: an image is taken as a whole')
    segmentor.test_cfg = ConfigDict(mode='whole')
    return tuple(notes)


def _metadata(
    inferencer: DeepLabInferencer,
    graph: PredictionGraph,
    notes: tuple[str, ...],
    config: str,
) -> ExportMetadata:
    segmentor, bands = inferencer.segmentor, inferencer.bands
    resize = _resize(inferencer.pipeline.transforms[1:])
    if resize is not None:
        notes += (f'programs must do what the test pipeline does: resize by {resize}',)
    is_panoptic = isinstance(segmentor, PanopticDeepLab)
    meta = inferencer.model.dataset_meta
    order = -1 if graph.swaps_channels else 1
    # Decimals as the config has them, without the rounding of float32.
    mean, std = ([round(v, 4) for v in one.tolist()] for one in (graph.mean, graph.std))
    is_sigmoid = segmentor.out_channels == 1
    return ExportMetadata(
        classes=tuple(meta['classes']),
        palette=[list(map(int, colour)) for colour in meta['palette']],
        output=graph.output,
        mean=mean[::order],
        std=std[::order],
        channels='BGR' if graph.swaps_channels else 'RGB' if not graph.bands else '',
        size_divisor=graph.size_divisor,
        align_corners=segmentor.align_corners,
        threshold=segmentor.decode_head.threshold if is_sigmoid else None,
        config=config,
        resize=resize,
        notes=notes,
        panoptic=segmentor.grouping_options if is_panoptic else None,
        bands=bands and asdict(bands),
    )


def _resize(transforms: Sequence[Any]) -> dict[str, Any] | None:
    """Return the arguments of the pipeline's ``Resize``, the only step allowed."""
    found = None
    for step in transforms:
        if isinstance(step, Resize) and found is None:
            found = dict(scale=step.scale, keep_ratio=step.keep_ratio)
            if step.scale is None:
                found = dict(scale_factor=step.scale_factor, keep_ratio=True)
        elif not isinstance(step, PackSegInputs):
            raise InputError(
                f'{type(step).__name__} in the test pipeline: an exported model allows '
                'LoadCheckedImage, one Resize and PackSegInputs only'
            )
    return found
