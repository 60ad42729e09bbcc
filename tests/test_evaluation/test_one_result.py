"""One model has one result, whichever way it is evaluated.

Every way below changes nothing by its nature: one view, a CRF without weights, one
scale, a window as large as the image. The result of each is compared with that of
MMSegmentation's own segmentor under its own metric.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from mmseg.registry import METRICS, MODELS
from small_segmentor import like_trained
from training import write_config

from mmseg_deeplab import DeepLabInferencer
from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.prediction_options import apply_prediction_options
from mmseg_deeplab.export import export_model
from mmseg_deeplab.inference import ModelSource, NetworkPredictor
from mmseg_deeplab.inference.exported import ExportedPredictor
from mmseg_deeplab.models.fast_prediction import prepare_for_inference

SIZE = (32, 64)  # of the images of training.py
COUNT = 3
ONE_VIEW = [[dict(type='RandomFlip', prob=0.0)]]
NO_WEIGHT = dict(type='DenseCRF', bilateral_weight=0.0, gaussian_weight=0.0)
SIGMOID = """
model['decode_head'].update(
    num_classes=2, out_channels=1, threshold=0.4,
    loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True))
dataset['metainfo'].update(classes=('a', 'b'), palette=[[0] * 3, [9] * 3])
"""


class Case:
    """A model with random weights, and a few images with labels."""

    def __init__(self, folder: Path, extra: str) -> None:
        config = write_config(folder, images=COUNT, extra=extra)
        self.folder = folder / 'data'
        self.source = ModelSource(str(config), str(folder / 'a.pth'))
        cfg = self.config()
        classes = cfg.test_dataloader.dataset.metainfo.classes
        meta = dict(classes=classes, palette=[[k] * 3 for k in range(3)])
        content = dict(state_dict=self.network(cfg).state_dict())
        content['meta'] = dict(dataset_meta=meta)
        torch.save(content, self.source.checkpoint)
        for path in (self.folder / 'labels').glob('*.png'):  # third class: ignored
            label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            label[label >= len(classes)] = 255
            cv2.imwrite(str(path), label)

    @torch.no_grad()
    def network(self, cfg: Config) -> torch.nn.Module:
        """Return a network whose classes all win somewhere."""
        torch.manual_seed(1)
        model = like_trained(MODELS.build(cfg.model))
        torch.nn.init.normal_(model.decode_head.conv_seg.weight, std=10.0)
        paths = sorted((self.folder / 'images').glob('*.png'))
        inputs = torch.stack([torch.from_numpy(cv2.imread(str(p))) for p in paths])
        logits = model((inputs.permute(0, 3, 1, 2) - 127.5) / 60, mode='tensor')
        model.decode_head.conv_seg.bias -= logits.mean((0, 2, 3))
        return model

    def config(self) -> Config:
        return read_config(self.source.config)

    def by_test(
        self, cfg: Config, *, metric: dict | None = None, fast: bool = False, **options
    ) -> dict[str, float]:
        """Do what mmengine's ``TestLoop`` does."""
        apply_prediction_options(cfg, **options)
        model = MODELS.build(cfg.model)
        inner = getattr(model, 'module', model)
        weights = torch.load(self.source.checkpoint, weights_only=False)
        inner.load_state_dict(weights['state_dict'])
        model.eval()
        if fast:
            prepare_for_inference(inner)
        loader = Runner.build_dataloader(cfg.test_dataloader)
        evaluator = Evaluator(METRICS.build(metric or dict(type='SegmentationMetric')))
        evaluator.dataset_meta = loader.dataset.metainfo
        with torch.no_grad():
            for batch in loader:
                evaluator.process(model.test_step(batch), batch)
        return evaluator.evaluate(COUNT)

    def by_images(
        self, predict: Callable[[np.ndarray], np.ndarray]
    ) -> dict[str, float]:
        """Evaluate a function from an RGB image to its labels."""
        metric = METRICS.build(dict(type='SegmentationMetric'))
        metric.dataset_meta = dict(self.config().test_dataloader.dataset.metainfo)
        for path in sorted((self.folder / 'images').glob('*.png')):
            label = cv2.imread(str(self.folder / 'labels' / path.name), -1)
            labels = predict(cv2.imread(str(path))[..., ::-1].copy())
            maps = dict(pred_sem_seg=labels, gt_sem_seg=label)
            tensors = {name: torch.tensor(np.int64([m])) for name, m in maps.items()}
            metric.process({}, [{name: dict(data=t) for name, t in tensors.items()}])
        return metric.evaluate(COUNT)

    def by_predictor(self, predictor) -> dict[str, float]:
        return self.by_images(lambda image: predictor.predict([image])[0].labels)

    def by_inferencer(self, **options) -> dict[str, float]:
        found = DeepLabInferencer(
            self.source.config, self.source.checkpoint, device='cpu',
            show_progress=False, **options,
        )  # fmt: skip
        return self.by_images(lambda image: found(image[..., ::-1])['predictions'])


@pytest.fixture(scope='module', params=['softmax', 'sigmoid'])
def case(request, tmp_path_factory) -> Case:
    extra = SIGMOID if request.param == 'sigmoid' else ''
    return Case(tmp_path_factory.mktemp(request.param), extra)


@pytest.fixture(scope='module')
def expected(case) -> dict[str, float]:
    """Return what MMSegmentation's segmentor has under its own metric.

    Its F-score leaves out classes without a hit; that of one with beta=1 is the Dice.
    """
    metric = dict(type='IoUMetric', iou_metrics=['mIoU', 'mDice'])
    found = case.by_test(case.config(), metric=metric)
    assert 0 < found['mIoU'] < 90
    return dict(found, mFscore=found['mDice'])


def changed(cfg: Config, way: str) -> tuple[Config, dict]:
    """Return a config with a change that changes nothing, and prediction options."""
    options: dict = {}
    if way in ('lean', 'kept logits', 'slide', 'crf', 'msc', 'fast', 'batched tta'):
        cfg.model.type = 'LeanEncoderDecoder'
    if way == 'kept logits':
        cfg.model.test_cfg = dict(mode='whole', keep_logits=True)
    if 'slide' in way:
        cfg.model.test_cfg = dict(mode='slide', crop_size=SIZE, stride=SIZE)
    if 'tta' in way:
        options = dict(tta=True)
        cfg.tta_pipeline[1].transforms = [
            *ONE_VIEW, [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]
        ]  # fmt: skip
    if way == 'batched tta':
        cfg.tta_model = dict(type='BatchedTTAModel')
    if 'crf' in way:
        cfg.model.crf = NO_WEIGHT
    if way == 'msc':
        cfg.model.update(type='MultiScaleEncoderDecoder', scales=(1.0,))
    return cfg, options | dict(fast=way == 'fast')


WAYS = (
    'stock', 'stock slide', 'stock tta', 'lean', 'kept logits', 'slide', 'crf', 'msc',
    'fast', 'batched tta', 'crf tta',
)  # fmt: skip


@pytest.mark.parametrize('way', WAYS)
def test_every_way_of_a_test_has_the_result_of_mmsegmentation(case, expected, way):
    cfg, options = changed(case.config(), way)
    if 'crf' in way and cfg.model.decode_head.get('out_channels') == 1:
        with pytest.raises(ValueError, match='does not go with'):
            case.by_test(cfg, crf=True, **options)
        return
    found = case.by_test(cfg, crf='crf' in way or None, **options)
    assert found.items() >= expected.items()


def test_every_way_of_a_prediction_has_it_too(case, expected):
    network = NetworkPredictor.from_files(case.source, device='cpu')
    plain = NetworkPredictor.from_files(case.source, device='cpu', fast=False)
    results = dict(
        network=case.by_predictor(network),
        plain=case.by_predictor(plain),
        inferencer=case.by_inferencer(),
    )
    for name, found in results.items():
        assert found.items() >= expected.items(), name


@pytest.mark.parametrize(
    'format', ['torchscript', pytest.param('onnx', marks=pytest.mark.slow)]
)
@pytest.mark.parametrize('output', ['labels', 'probabilities'])
def test_an_exported_file_has_it_too(case, expected, tmp_path, format, output):
    out = tmp_path / f'a.{format}'
    config, checkpoint = case.source.config, case.source.checkpoint
    export_model(config, checkpoint, format=format, out=out, output=output)
    found = case.by_predictor(ExportedPredictor(out, trust_program=True))
    assert found.items() >= expected.items()


@pytest.mark.parametrize('more', [{}, dict(msc=True), dict(crf=True)], ids=str)
def test_an_option_has_one_result_in_every_command(case, expected, more):
    """Flipped copies, three scales and the CRF do change something."""
    options = dict(tta=True, **more)
    if 'crf' in more and case.config().model.decode_head.get('out_channels') == 1:
        with pytest.raises(ValueError, match='does not go with'):
            case.by_inferencer(**options)
        return
    by_test = case.by_test(case.config(), **options)
    assert by_test['mIoU'] != expected['mIoU']
    predictor = NetworkPredictor.from_files(case.source, device='cpu', **options)
    assert case.by_predictor(predictor) == by_test
    assert case.by_inferencer(**options) == by_test
