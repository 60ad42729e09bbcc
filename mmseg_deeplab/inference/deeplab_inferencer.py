"""MMSegmentation's inferencer for the configs and checkpoints of this package."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from mmcv.transforms import Compose
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.model import BaseTTAModel
from mmengine.visualization import Visualizer
from mmseg.apis import MMSegInferencer
from mmseg.models.segmentors import BaseSegmentor
from torch import nn

from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .class_names import class_meta
from .network_weights import load_weights
from .pipeline import build_pipeline
from .prediction_config import apply_options, prediction_config, read_checkpoint


class DeepLabInferencer(MMSegInferencer):
    """``MMSegInferencer`` for this package's pipelines, CRF and data sets.

    Calls and results are the host's: ``inferencer(inputs, return_datasamples=...,
    batch_size=..., show=..., out_dir=..., img_out_dir=..., pred_out_dir=...)``, where
    arrays are BGR. It differs from the host in what it loads: checkpoints are never
    executed, every weight must be there and fit, and classes that nobody names are not
    those of Cityscapes but ``class 0``, ``class 1``, ... Models of the host's zoo work,
    too.

    Args:
        model: Path of a config, or the config.
        weights: File or URL of the checkpoint.
        classes: Names instead of the checkpoint's, or the name of a data set.
        palette: Colours instead of the checkpoint's, or the name of a data set.
        dataset_name: Take names and colours of this data set of the host.
        device: Such as ``'cpu'``; by default a GPU where there is one.
        scope: Of the registries.
        show_progress: Whether to show a bar.
        tta: Test-time augmentation by ``tta_pipeline`` of the config.
        crf: None does as the config says, False leaves the CRF out, True takes the
            config's or, where it has none, that of the released ResNet-101; a string
            is the file of a CRF fragment.
        output_stride: Another one than the config's.
        fast: Take a ``LeanEncoderDecoder``, fold BatchNorm and use channels_last, see
            :func:`~mmseg_deeplab.models.fast_prediction.prepare_for_inference`.
            Predictions are the same up to rounding; the network can only predict.
        cfg_options: Override settings of the config, dotted keys.

    Raises:
        FileNotFoundError: If the config, the checkpoint or the CRF fragment is missing.
        ValueError: If they do not fit together.
    """

    def __init__(
        self,
        model: str | os.PathLike | Config | dict,
        weights: str | os.PathLike,
        classes: str | Sequence[str] | None = None,
        palette: str | Sequence[Sequence[int]] | None = None,
        dataset_name: str | None = None,
        device: str | None = None,
        scope: str = 'mmseg',
        show_progress: bool = True,
        *,
        tta: bool = False,
        crf: str | bool | None = None,
        output_stride: int | None = None,
        fast: bool = False,
        cfg_options: dict[str, Any] | None = None,
    ) -> None:
        self._source, self._fast = os.fspath(weights), fast
        self._checkpoint = read_checkpoint(weights)
        self._given = dict(
            classes=classes or dataset_name, palette=palette or dataset_name
        )
        cfg = prediction_config(model, self._checkpoint, cfg_options)
        apply_options(cfg, tta=tta, crf=crf, output_stride=output_stride, lean=fast)
        super().__init__(cfg, device=device, scope=scope, show_progress=show_progress)
        del self._checkpoint
        self.visualizer.set_dataset_meta(**self.model.dataset_meta)

    @property
    def segmentor(self) -> BaseSegmentor:
        """The network, without the wrapper of test-time augmentation."""
        return _inner(self.model)

    def _load_weights_to_model(
        self, model: nn.Module, checkpoint: dict | None, cfg: ConfigDict
    ) -> None:
        segmentor = _inner(model)
        load_weights(segmentor, self._checkpoint, source=self._source)
        model.dataset_meta = class_meta(
            segmentor.num_classes, self._checkpoint, cfg, **self._given
        )
        if self._fast:
            prepare_for_inference(segmentor)

    def _init_pipeline(self, cfg: ConfigDict) -> Compose:
        return build_pipeline(cfg)

    def _init_collate(self, cfg: ConfigDict) -> Callable:
        named = (cfg.get('test_dataloader') or {}).get('collate_fn')
        return super()._init_collate(cfg) if named else pseudo_collate

    def _init_visualizer(self, cfg: ConfigDict) -> Visualizer:
        settings = dict(cfg.get('visualizer') or dict(type='SegLocalVisualizer'))
        # They would be dropped with a warning, as there is no folder for logs.
        settings['vis_backends'] = None
        return super()._init_visualizer(Config(dict(visualizer=settings)))


def _inner(model: nn.Module) -> BaseSegmentor:
    return model.module if isinstance(model, BaseTTAModel) else model
