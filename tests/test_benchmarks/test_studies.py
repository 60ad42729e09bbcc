"""Tiny cases of each study: stock and ours agree, and differences are noticed."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from benchmarks import (
    crf,
    data,
    disk,
    evaluation,
    files,
    growth,
    inference,
    operators,
    peers,
    training,
)
from benchmarks.case import CPU, ResultsDiffer
from benchmarks.networks import Network, scenes

pytestmark = pytest.mark.slow

WINDOWS = dict(
    test_cfg=dict(mode='slide', crop_size=(64, 64), stride=(48, 48)), **growth.NARROW
)
SMALL = Network('small', 'deeplabv3_mobilenetv2', 5, (64, 96), growth.NARROW)
CAMVID = data.DrawnDataSet('camvid', (48, 64), 2)


def check(case) -> dict[str, float]:
    """Compare the results of both sides."""
    return case.compare(case.stock(), case.ours())


def operator_cases(operator: str, shape: tuple):
    """Return the cases of one operator and shape."""
    make, _ = operators.SUBJECTS[operator]
    return make([shape], CPU)


CONV = partial(operator_cases, 'summed_atrous_conv2d', (1, 8, 3, (9, 7)))
QUICK_FILES = files.QUICK['v2_r26_quick'].network
# Cases of each study, and the largest difference where its own comparison has none.
CASES = dict(
    conv=CONV,
    depthwise=partial(operator_cases, 'depthwise_atrous_conv2d', (2, 8, (9, 17), 8)),
    loss=partial(operator_cases, 'upsample_cross_entropy', (2, 3, (5, 6), (17, 24))),
    argmax=partial(operator_cases, 'upsample_argmax', (3, (5, 6), (17, 24))),
    count=partial(operator_cases, 'confusion_matrix', (3, (40, 36))),
    network=lambda: inference.inference_cases(SMALL, ['lean', 'fast'], CPU),
    windows=lambda: inference.inference_cases(
        replace(SMALL, changes=WINDOWS), ['lean', 'fast'], CPU
    ),
    exported=lambda: inference.inference_cases(
        *inference.EXPORT_STUDY.quick.values(), ['fast', 'onnxruntime'], CPU
    ),
    torchvision=lambda: [
        peers.torchvision_case('deeplabv3_mobilenet_v3_large', 16, (64, 96), CPU)
    ],
    files=lambda: files.file_cases(
        files.Folder(replace(QUICK_FILES, size=(64, 96)), 2), files.STUDY.variants, CPU
    ),
    area=lambda: growth.growth_cases(('area', (64,)), (), CPU),
    classes=lambda: growth.growth_cases(('classes', (3,)), (), CPU),
    batch=lambda: growth.growth_cases(('batch', (2,)), (), CPU),
)


@pytest.mark.parametrize('name', CASES)
def test_stock_and_ours_agree(name, monkeypatch):
    for size in ('CLASSES_SIZE', 'BATCH_SIZE'):
        monkeypatch.setattr(growth, size, (64, 96))
    # One at a time: the files of a case vanish after it.
    agreed = [check(case).get('other_labels', 0) <= 1e-3 for case in CASES[name]()]
    assert agreed and all(agreed)


def test_wrong_gradients_of_an_operator_are_found(monkeypatch):
    plain = operators.plain_summed_atrous_conv2d
    monkeypatch.setattr(
        operators, 'summed_atrous_conv2d', lambda x, *a: plain(x + 1e-2, *a)
    )
    _, case = CONV()
    with pytest.raises(ResultsDiffer, match='summed_atrous_conv2d'):
        check(case)


def test_the_crf_agrees_with_pydensecrf():
    cases = list(crf.crf_cases((4, (40, 64), (5.0, 0.0)), (), CPU))
    points = [case.facts['points_per_pixel'] for case in cases]
    assert points[0] > points[1] > 0
    assert torch.equal(cases[0].ours(), cases[0].ours())
    pytest.importorskip('pydensecrf.densecrf')
    assert check(cases[0])['same_labels'] > 0.97


def test_wrong_labels_are_found():
    (case,) = inference.inference_cases(SMALL, ['fast'], CPU)
    with pytest.raises(ResultsDiffer, match='other_labels'):
        case.compare(case.stock(), (case.ours() + 1) % 5)


def test_large_scenes_are_repeated():
    (image,) = scenes(1, (1100, 2100), CPU)
    assert torch.equal(image[:, 1024:, 2048:], image[:, :76, :52])


def test_a_lean_step_has_the_stock_losses_and_gradients():
    (case,) = training.training_cases(SMALL, ['lean'], CPU)
    stock, ours = case.stock(), case.ours()
    errors = case.compare(stock, ours)
    assert errors['loss'] < 1e-5 and errors['gradient'] < 1e-4
    assert len(stock.gradients) > 50
    # The learning rate is 0, so a step can be repeated.
    assert torch.equal(case.stock().losses['loss'], stock.losses['loss'])
    ours.gradients[0] = ours.gradients[0] + 1
    with pytest.raises(ResultsDiffer, match='gradient'):
        case.compare(stock, ours)


def test_channels_last_differs_by_rounding_alone():
    """In float64 the gradients agree to 1e-9."""
    cfg = SMALL.config()
    cfg.data_preprocessor.size = SMALL.size
    samples, gradients = training.labelled_samples(SMALL, 2), []
    for model in training.make_pair(cfg, training.MODES['fast'], CPU):
        model.double()
        torch.manual_seed(0)  # dropout
        inputs = torch.stack(scenes(2, SMALL.size, CPU)).double() / 255
        losses = model(inputs, samples, mode='loss')
        model.parse_losses(losses)[0].backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert (gradients[0] - gradients[1]).norm() < 1e-9 * gradients[0].norm()


def test_without_a_compiler_its_variant_is_left_out(monkeypatch, capsys):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    assert list(inference.inference_cases(SMALL, ['compile'], CPU)) == []
    assert 'C++ compiler' in capsys.readouterr().out


def test_both_pipelines_give_equal_samples(tmp_path):
    root = CAMVID.write(tmp_path, 'train')
    for cache in (False, True):
        case = data.data_case(CAMVID, root, cache=cache)
        expected = case.stock()
        for found in (case.ours(), case.ours()):  # the second time from the cache
            assert case.compare(expected, found) == {'samples': 0}
        found[1]['inputs'] += 1
        with pytest.raises(ResultsDiffer):
            case.compare(expected, found)


@pytest.fixture(scope='module')
def job(tmp_path_factory):
    """Return the evaluation of two small scenes in the layout of CamVid."""
    return evaluation.drawn_job(CAMVID, tmp_path_factory.mktemp('drawn'))


def test_the_stock_config_has_nothing_of_ours(job):
    cfg = evaluation.side_config(job, 'stock')
    assert cfg.model.type == 'EncoderDecoder' and cfg.runner_type == 'Runner'
    assert cfg.test_evaluator.type == 'IoUMetric' and not cfg.get('custom_hooks')
    loaders = [step.type for step in cfg.test_dataloader.dataset.pipeline[:2]]
    assert loaders == ['LoadImageFromFile', 'LoadAnnotations']


def test_both_evaluations_find_the_same_metrics(job, tmp_path):
    case = evaluation.evaluation_case(job, tmp_path, CPU)
    stock, ours = case.stock(), case.ours()
    for found in (stock, ours):
        assert found['seconds'] > 0 and found['peak_bytes'] < found['process_bytes']
    assert case.compare(stock, ours)['percent'] <= 0.021
    assert case.facts['images'] == 2
    ours['metrics']['mIoU'] += 0.1
    with pytest.raises(ResultsDiffer, match='evaluation'):
        case.compare(stock, ours)


def test_a_training_from_disk_has_the_stock_losses(tmp_path):
    small = disk.Training(disk.QUICKSTART, 'streets', 2)
    case = disk.disk_case(small, tmp_path, 'fast')
    stock, ours = case.stock(), case.ours()
    assert case.compare(stock, ours)['first'] < 1e-5
    assert len(stock['losses']) == disk.WARM_UP
    assert set(stock['parts']) == {*disk.PARTS, disk.REST, 'worker'}
    with pytest.raises(ResultsDiffer, match='first'):
        case.compare(stock, ours | dict(losses=[2 * loss for loss in ours['losses']]))


def test_a_library_that_is_missing_is_named(capsys):
    folder = files.Folder(replace(QUICK_FILES, size=(64, 96)), 2, 'no_such_library')
    assert not list(files.file_cases(folder, ['library'], CPU))
    assert 'pip install no_such_library' in capsys.readouterr().out
