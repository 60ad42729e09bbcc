"""The network by ONNX Runtime: equal predictions, and when it is taken."""

import json
import shutil
from functools import partial

import numpy as np
import pytest
import torch
from predicting import smooth_image, write_image, write_model

from mmseg_deeplab.export import network_file
from mmseg_deeplab.export.network_file import compare_logits, export_network
from mmseg_deeplab.inference import FileOutputs, RunOptions, backends, load_predictor
from mmseg_deeplab.inference.backends import Job, OnnxNetwork, choose_backend
from mmseg_deeplab.inference.output_folder import describe
from mmseg_deeplab.inference.predict_files import predict_files
from mmseg_deeplab.utils.errors import InputError, MissingPackageError

ORT = 'onnxruntime'
SLIDE = "model = dict(test_cfg=dict(mode='slide', crop_size=(32, 48), stride=(21, 32)))"
RESIZE = """
test_dataloader = dict(dataset=dict(pipeline=[dict(type='LoadCheckedImage'),
    dict(type='Resize', scale=(90, 60), keep_ratio=True), dict(type='PackSegInputs')]))
"""
pytestmark = pytest.mark.usefixtures('home')
ONE, VIDEO = Job(smooth_image(), 1), Job(None, 1)


@pytest.fixture(scope='module')
def exported(tmp_path_factory):
    """Return the network of ``write_model`` as an ONNX file."""
    folder = tmp_path_factory.mktemp('exported')
    predictor, path = load_predictor(write_model(folder)), folder / 'network.onnx'
    export_network(predictor, path, ONE, must_be_faster=False)
    return path


@pytest.fixture
def export(exported):
    """Return what exports the network of ``write_model``, without the time it takes."""
    return lambda predictor, path, job, **_: (
        path.parent.mkdir(parents=True),
        shutil.copy(exported, path),
    )


def no_export(*_, **__):
    raise AssertionError('exported')


def choose(source, backend, job, export, **options):
    """Return a predictor and the backend that was chosen."""
    predictor, made_of = load_predictor(source, **options), describe(source, options)
    return predictor, choose_backend(
        predictor, backend, job, made_of=made_of, export=export
    )


@pytest.mark.parametrize(
    ('extra', 'options'),
    [('', {}), ('', dict(msc=True)), (SLIDE, {}), (RESIZE, dict(crf=True))],
)
def test_it_predicts_what_torch_does(tmp_path, export, extra, options):
    source = write_model(tmp_path, extra=extra)
    images = [smooth_image((40, 72)), smooth_image((41, 57), seed=1)]
    by_torch = load_predictor(source, **options).predict(images, probabilities=True)
    predictor, chosen = choose(source, ORT, ONE, export, **options)
    assert chosen == 'onnxruntime'
    found = predictor.predict(images, probabilities=True)
    for one, other in zip(by_torch, found, strict=True):
        error = np.abs(one.probabilities - other.probabilities).max()
        best = np.sort(one.probabilities, axis=0)
        clear = best[-1] - best[-2] > 2 * error
        assert error < 1e-3 and clear.mean() > 0.99  # a CRF enlarges the error
        assert (one.labels == other.labels)[clear].all()


def test_the_threads_are_those_of_torch(exported):
    session = OnnxNetwork(exported.read_bytes()).session
    before = torch.get_num_threads()
    try:
        for count in (1, 2, 1):
            torch.set_num_threads(count)
            options = session.opened().get_session_options()
            assert options.intra_op_num_threads == count
    finally:
        torch.set_num_threads(before)


def test_a_file_in_the_cache_is_taken_for_one_image(tmp_path, export):
    source = write_model(tmp_path)
    assert choose(source, 'auto', ONE, no_export)[1] == 'torch'
    assert choose(source, 'auto', VIDEO, export)[1] == 'onnxruntime'
    assert choose(source, 'auto', ONE, no_export)[1] == 'onnxruntime'
    other = write_model(tmp_path, seed=1)  # other weights under the same name
    assert choose(other, 'auto', ONE, no_export)[1] == 'torch'


def test_what_cannot_be_exported_is_said_and_remembered(tmp_path, capsys):
    source = write_model(tmp_path)
    for _ in range(2):
        assert choose(source, 'auto', VIDEO, no_export)[1] == 'torch'
        assert 'is not used: AssertionError: exported' in capsys.readouterr().err
    with pytest.raises(InputError, match='--backend onnxruntime: AssertionError'):
        choose(source, ORT, ONE, no_export)


def test_other_devices_are_left_to_torch(tmp_path):
    source = write_model(tmp_path)
    predictor, made_of = load_predictor(source), describe(source, {})
    predictor.segmentor.to('meta')
    run = partial(choose_backend, predictor, job=VIDEO, made_of=made_of)
    assert run(backend='auto', export=no_export) == 'torch'
    with pytest.raises(InputError, match='the device is meta'):
        run(backend='onnxruntime', export=no_export)


def test_a_package_that_is_missing_is_not_remembered(tmp_path, capsys):
    def lacks(*_, **__):
        raise MissingPackageError('pip install onnx')

    assert choose(write_model(tmp_path), 'auto', VIDEO, lacks)[1] == 'torch'
    assert capsys.readouterr().err.endswith('not used: pip install onnx\n')
    assert not (tmp_path / 'home').exists()


def test_what_is_slower_is_refused(tmp_path, exported, monkeypatch):
    times, model = iter([3.0, 1, 2, 3, 4, 3]), load_predictor(write_model(tmp_path))
    monkeypatch.setattr(network_file, 'seconds_of', lambda run: next(times))
    with pytest.raises(InputError, match='slower here, 2 s against 1 s'):
        network_file.check_speed(model, OnnxNetwork(exported.read_bytes()), VIDEO)


@torch.no_grad()
def test_what_differs_is_refused(tmp_path, exported):
    segmentor = load_predictor(write_model(tmp_path)).segmentor
    network, inputs = OnnxNetwork(exported.read_bytes()), torch.randn(1, 3, 40, 72)
    compare_logits(segmentor, network, inputs)
    next(segmentor.backbone.parameters()).data *= 1.01
    with pytest.raises(InputError, match='a logit differs'):
        compare_logits(segmentor, network, inputs)


def test_a_long_job_is_worth_an_export(monkeypatch):
    monkeypatch.setattr(backends, 'seconds_of', lambda run: 2.0)
    worth = [backends.is_worth_it(None, Job(ONE.example, n)) for n in (1, 29, 30)]
    assert worth == [False, False, True]


def test_the_record_has_the_backend_and_a_second_run_keeps_it(tmp_path, export):
    source, folder = write_model(tmp_path), tmp_path / 'out'
    task = source, [str(tmp_path / 'in')], FileOutputs(folder)
    options = dict(options=RunOptions(workers=0), show_progress=False)
    predict = partial(predict_files, *task, export_network=export, **options)
    for name, backend in dict(a='onnxruntime', b='auto').items():
        write_image(tmp_path / 'in' / f'{name}.png')
        predict(backend=backend)
        record = json.loads((folder / 'predict.json').read_text())
        assert record['backend'] == 'onnxruntime'
    assert len(list((folder / 'labels').iterdir())) == 2
    with pytest.raises(InputError, match="backend was 'onnxruntime', is 'torch'"):
        predict(backend='torch')
