"""MMSegmentation's inferencer for the configs and checkpoints of this package."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.visualization import Visualizer
from mmseg.apis import MMSegInferencer
from mmseg.models.segmentors import BaseSegmentor
from mmseg.structures import SegDataSample
from torch import nn

from mmseg_deeplab.checkpoints import model_files
from mmseg_deeplab.config.image_channels import image_bands
from mmseg_deeplab.config.prediction_options import (
    apply_prediction_options,
    fast_settings,
)
from mmseg_deeplab.models.fast_prediction import prepare_for_inference
from mmseg_deeplab.models.segmentors.tta_models import unwrapped
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.local_paths import require_local
from mmseg_deeplab.utils.output_names import check_owner, output_names

from .class_names import class_meta
from .full_pipeline import build_full_pipeline
from .network import load_weights
from .output_files import write_labels
from .pipeline import test_pipeline
from .prediction_config import prediction_config, read_checkpoint
from .predictor import label_dtype


class DeepLabInferencer(MMSegInferencer):
    """``MMSegInferencer`` for this package's pipelines, CRF and data sets.

    Calls and results are those of MMSegmentation: ``inferencer(inputs,
    return_datasamples=..., batch_size=..., show=..., out_dir=..., img_out_dir=...,
    pred_out_dir=...)``, where arrays are BGR. It differs in what it loads: checkpoints
    are never executed, every weight must be there and fit, and classes that nobody
    names are not those of Cityscapes but ``class 0``, ``class 1``, ... Models of
    MMSegmentation's zoo work, too.

    The first arguments are those of ``MMSegInferencer``. Without ``weights`` the first
    one is a whole model, such as ``'deeplabv3plus_r101_cityscapes'`` or
    ``'hf://OWNER/NAME'``; see :func:`~mmseg_deeplab.checkpoints.model_files`.
    ``tta``, ``crf``, ``msc``, ``output_stride`` and ``cfg_options`` are those of
    :func:`~mmseg_deeplab.inference.load_predictor`. ``fast`` takes a
    ``LeanEncoderDecoder``, folds BatchNorm and uses channels_last: the predictions are
    the same up to rounding, and the network can only predict.

    Outputs of files are named as ``mmseg-deeplab predict`` names them, see
    :func:`~mmseg_deeplab.utils.output_names.output_names`: ``pred/a/1.png`` and
    ``vis/a/1.jpg`` for ``a/1.jpg``. Those of arrays have numbers. Where two files would
    have one name, also in two calls with one ``out_dir``, a ValueError is raised and
    nothing is overwritten.
    """

    def __init__(
        self,
        model: str | os.PathLike | Config | dict,
        weights: str | os.PathLike | None = None,
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
        if weights is None:
            model, weights = model_files(os.fspath(model))
        self._source, self._fast = os.fspath(weights), fast
        self._checkpoint = read_checkpoint(weights)
        self._given = dict(
            classes=classes or dataset_name, palette=palette or dataset_name
        )
        cfg = prediction_config(model, self._checkpoint, cfg_options)
        apply_prediction_options(
            cfg, crf=crf, msc=msc, fast=fast, tta=tta, output_stride=output_stride
        )
        super().__init__(cfg, device=device, scope=scope)
        self.bands = image_bands(test_pipeline(cfg)[0])
        self.show_progress = show_progress  # no argument of MMSegmentation 1.2.2
        del self._checkpoint
        self._names: list[str] = []  # of the outputs of the present call
        self._owners: dict[str, str] = {}  # the input of each output of all calls
        self._num_arrays = 0
        self.visualizer.set_dataset_meta(**self.model.dataset_meta)

    def __call__(
        self,
        inputs: str | np.ndarray | Sequence[str | np.ndarray],
        return_datasamples: bool = False,
        batch_size: int = 1,
        return_vis: bool = False,
        show: bool = False,
        wait_time: float = 0,
        out_dir: str = '',
        **kwargs,
    ) -> Any:
        """Predict some images; see ``MMSegInferencer``."""
        given, inputs = inputs, self._inputs_to_list(inputs)
        if not inputs and isinstance(given, str):
            raise InputError(
                f'{given}: no files in this folder; sub-folders are not searched. '
                'Remedy: a list of files, or mmseg-deeplab predict'
            )
        self._names = self._named(inputs)
        if out_dir:
            require_local(out_dir, 'out_dir')
            for one, name in zip(inputs, self._names, strict=True):
                if isinstance(one, str):
                    place = os.path.abspath(os.path.join(out_dir, name))
                    check_owner(self._owners, place, os.path.abspath(one))
        options = (return_datasamples, batch_size, return_vis, show, wait_time, out_dir)
        return super().__call__(inputs, *options, **kwargs)

    def _named(self, inputs: Sequence[str | np.ndarray]) -> list[str]:
        names = iter(output_names([one for one in inputs if isinstance(one, str)]))
        found = []
        for one in inputs:
            if isinstance(one, str):
                found.append(next(names))
            else:
                found.append(f'{self._num_arrays:08d}_pred')
                self._num_arrays += 1
        return found

    def visualize(
        self,
        inputs: list[str | np.ndarray],
        preds: list[SegDataSample],
        return_vis: bool = False,
        show: bool = False,
        wait_time: float = 0,
        img_out_dir: str = '',
        **kwargs,
    ) -> list[np.ndarray] | None:
        """Paint the predictions, each image into the folder of its name."""
        if self.bands is not None and (return_vis or show or img_out_dir):
            raise InputError(
                'MMSegmentation paints over colour images alone, and this network '
                'reads bands. Remedy: mmseg-deeplab predict'
            )
        found = []
        for one, sample, name in zip(inputs, preds, self._names, strict=True):
            folder = img_out_dir and os.path.join(img_out_dir, os.path.dirname(name))
            options = (return_vis, show, wait_time, folder)
            found += super().visualize([one], [sample], *options, **kwargs) or []
        return found if return_vis else None

    def postprocess(
        self,
        preds: list[SegDataSample],
        visualization: list[np.ndarray] | None,
        return_datasample: bool = False,
        pred_out_dir: str = '',
    ) -> Any:
        """Write the masks, also where samples are returned, and return the results."""
        if pred_out_dir:
            dtype = label_dtype(self.segmentor.num_classes)
            for sample, name in zip(preds, self._names, strict=True):
                labels = sample.pred_sem_seg.data[0].cpu().numpy().astype(dtype)
                path = os.path.join(pred_out_dir, f'{name}.png')
                write_labels(path, labels, self.model.dataset_meta['palette'])
        return super().postprocess(preds, visualization, return_datasample)

    @property
    def segmentor(self) -> BaseSegmentor:
        """The network, without the wrapper of test-time augmentation."""
        return unwrapped(self.model)

    def _load_weights_to_model(
        self, model: nn.Module, checkpoint: dict | None, cfg: ConfigDict
    ) -> None:
        segmentor = unwrapped(model)
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
