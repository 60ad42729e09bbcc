"""From a config and a checkpoint to a checked file."""

import copy
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmcv.transforms import Resize
from mmengine.config import ConfigDict
from mmseg.datasets.transforms import PackSegInputs
from mmseg.models.segmentors import BaseSegmentor

from mmseg_deeplab.inference import DeepLabInferencer
from mmseg_deeplab.inference.export_metadata import ExportMetadata
from mmseg_deeplab.models.fast_prediction import prepare_for_inference
from mmseg_deeplab.utils.atomic_files import write_whole

from .check_file import Agreement, check_file
from .export_formats import FORMATS
from .graph import PredictionGraph


@dataclass(frozen=True)
class Export:
    """An exported file.

    Args:
        path: Path of the file.
        metadata: Metadata in the file.
        agreement: How far the file is from the network.
    """

    path: Path
    metadata: ExportMetadata
    agreement: Agreement

    def text(self) -> str:
        """Describe it in a few lines."""
        size = self.path.stat().st_size / 1e6
        lines = [
            f'{self.path}: {self.metadata.output} of {len(self.metadata.classes)} '
            f'classes, {size:.1f} MB',
            f'checked against the network: {self.agreement.text()}',
        ]
        if self.metadata.resize is not None:
            lines.append(
                f'note: the test pipeline resizes images ({self.metadata.resize}); '
                'ExportedPredictor and mmseg-deeplab predict do so, other programs must'
            )
        return '\n'.join([*lines, *(f'note: {note}' for note in self.metadata.notes)])


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

    BatchNorm is folded. The file takes RGB bytes of any size; normalisation, padding,
    upsampling and argmax are inside.

    Args:
        config: Path of the config.
        checkpoint: Path or URL of the weights.
        format: ``'onnx'``, ``'torch_export'`` or ``'torchscript'``.
        out: Path of the file; by default that of the checkpoint with the suffix of the
            format.
        output: ``'labels'`` or ``'probabilities'``.
        device: Where the file is run for the check.
        msc: Predict at three scales, as ``MultiScaleEncoderDecoder`` does.
        output_stride: Output stride to export at instead of the config's.
        cfg_options: Override settings of the config, dotted keys.

    Raises:
        ExportDiffersError: If the file does not predict what the network does.
        FileNotFoundError: If the config or the checkpoint is missing.
        ImportError: If a package for the format is missing.
        ValueError: If they do not fit together, or the model cannot be exported.
    """
    if format not in FORMATS:
        raise ValueError(f'format must be one of {list(FORMATS)}, received {format!r}')
    suffix, write = FORMATS[format]
    path = _out(out, checkpoint, suffix)
    inferencer = DeepLabInferencer(
        config,
        checkpoint,
        device='cpu',
        show_progress=False,
        msc=msc,
        output_stride=output_stride,
        cfg_options=cfg_options,
    )
    segmentor = inferencer.segmentor
    notes = _leave_out(segmentor)
    folded = prepare_for_inference(copy.deepcopy(segmentor), channels_last=False)
    graph = PredictionGraph(folded, output).eval()
    metadata = _metadata(inferencer, graph, config, notes)
    content = write(graph, metadata)
    with tempfile.TemporaryDirectory() as folder:
        trial = Path(folder) / path.name
        trial.write_bytes(content)
        agreement = check_file(trial, segmentor, device=device)
    write_whole(content, path)
    return Export(path, metadata, agreement)


def _out(out: str | Path | None, checkpoint: str, suffix: str) -> Path:
    if out is None:
        name = Path(checkpoint).name if '://' in checkpoint else checkpoint
        return Path(name).with_suffix(suffix)
    path = Path(out)
    if path.suffix != suffix:
        raise ValueError(f'{path}: a file of this format ends in {suffix}')
    return path


def _leave_out(segmentor: BaseSegmentor) -> tuple[str, ...]:
    """Remove what no file can do, and return notes about it."""
    notes = []
    if getattr(segmentor, 'crf', None) is not None:
        segmentor.crf = None
        notes.append(
            'the CRF of the config is not exported: predictions are those of the '
            'network alone'
        )
    if segmentor.test_cfg.get('mode', 'whole') != 'whole':
        size = tuple(segmentor.test_cfg.get('crop_size', ()))
        notes.append(
            f'the config predicts by sliding windows of {size}; the file takes each '
            'image as a whole'
        )
    segmentor.test_cfg = ConfigDict(mode='whole')
    return tuple(notes)


def _metadata(
    inferencer: DeepLabInferencer,
    graph: PredictionGraph,
    config: str,
    notes: tuple[str, ...],
) -> ExportMetadata:
    segmentor = inferencer.segmentor
    meta = inferencer.model.dataset_meta
    order = -1 if graph.swaps_channels else 1
    # Decimals as the config has them, without the rounding of float32.
    mean, std = ([round(v, 4) for v in one.tolist()] for one in (graph.mean, graph.std))
    is_sigmoid = segmentor.out_channels == 1
    return ExportMetadata(
        classes=tuple(meta['classes']),
        palette=[list(map(int, colour)) for colour in meta['palette']],
        output=graph.output,
        config=Path(config).stem,
        mean=mean[::order],
        std=std[::order],
        channels='BGR' if graph.swaps_channels else 'RGB',
        size_divisor=graph.size_divisor,
        align_corners=segmentor.align_corners,
        threshold=segmentor.decode_head.threshold if is_sigmoid else None,
        resize=_resize(inferencer.pipeline.transforms[1:]),
        notes=notes,
    )


def _resize(transforms: Sequence[Any]) -> dict[str, Any] | None:
    """Return the arguments of the pipeline's ``Resize``, the only step allowed.

    Args:
        transforms: All transforms but the first, which loads the image.
    """
    found = None
    for step in transforms:
        if isinstance(step, Resize) and found is None:
            found = dict(scale=step.scale, keep_ratio=step.keep_ratio)
            if step.scale is None:
                found = dict(scale_factor=step.scale_factor, keep_ratio=True)
        elif not isinstance(step, PackSegInputs):
            raise ValueError(
                f'{type(step).__name__} in the test pipeline: an exported model is '
                'given images as they are, or resized once. Remedy: a pipeline of '
                'LoadCheckedImage, Resize and PackSegInputs'
            )
    return found
