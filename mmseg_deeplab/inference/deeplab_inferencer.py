"""MMSegmentation's inferencer for the configs and checkpoints of this package."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from mmcv.transforms import Compose
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.visualization import Visualizer
from mmseg.apis import MMSegInferencer
from mmseg.models.segmentors import BaseSegmentor
from torch import nn

from mmseg_deeplab.config.prediction_options import (
    apply_prediction_options,
    fast_settings,
)
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

from .class_names import class_meta
from .full_pipeline import build_full_pipeline
from .network import inner_segmentor, load_weights
from .pipeline import test_pipeline
from .prediction_config import prediction_config, read_checkpoint


class DeepLabInferencer(MMSegInferencer):
    """``MMSegInferencer`` for this package's pipelines, CRF and data sets.

    Calls and results are those of MMSegmentation: ``inferencer(inputs,
    return_datasamples=..., batch_size=..., show=..., out_dir=..., img_out_dir=...,
    pred_out_dir=...)``, where arrays are BGR. It differs in what it loads: checkpoints
    are never executed, every weight must be there and fit, and classes that nobody
    names are not those of Cityscapes but ``class 0``, ``class 1``, ... Models of
    MMSegmentation's zoo work, too.

    The first arguments are those of ``MMSegInferencer``; ``weights`` must be given.
    ``tta``, ``crf``, ``msc``, ``output_stride`` and ``cfg_options`` are those of
    :func:`~mmseg_deeplab.inference.load_predictor`. ``fast`` takes a
    ``LeanEncoderDecoder``, folds BatchNorm and uses channels_last: the predictions are
    the same up to rounding, and the network can only predict.
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
        msc: bool = False,
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
        apply_prediction_options(
            cfg, crf=crf, msc=msc, fast=fast, tta=tta, output_stride=output_stride
        )
        super().__init__(cfg, device=device, scope=scope, show_progress=show_progress)
        del self._checkpoint
        self.visualizer.set_dataset_meta(**self.model.dataset_meta)

    @property
    def segmentor(self) -> BaseSegmentor:
        """The network, without the wrapper of test-time augmentation."""
        return inner_segmentor(self.model)

    def _load_weights_to_model(
        self, model: nn.Module, checkpoint: dict | None, cfg: ConfigDict
    ) -> None:
        segmentor = inner_segmentor(model)
        load_weights(segmentor, self._checkpoint, source=self._source)
        model.dataset_meta = class_meta(
            segmentor.num_classes, self._checkpoint, cfg, **self._given
        )
        if self._fast:
            prepare_for_inference(segmentor, **fast_settings(cfg))

    def _init_pipeline(self, cfg: ConfigDict) -> Compose:
        return build_full_pipeline(test_pipeline(cfg))

    def _init_collate(self, cfg: ConfigDict) -> Callable:
        named = (cfg.get('test_dataloader') or {}).get('collate_fn')
        return super()._init_collate(cfg) if named else pseudo_collate

    def _init_visualizer(self, cfg: ConfigDict) -> Visualizer:
        settings = dict(cfg.get('visualizer') or dict(type='SegLocalVisualizer'))
        # mmengine drops backends with a warning where there is no folder for logs.
        settings['vis_backends'] = None
        return super()._init_visualizer(Config(dict(visualizer=settings)))
