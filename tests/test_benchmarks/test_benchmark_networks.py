"""Whole segmentors in the benchmark: predictions, training steps, growth, peers."""

from dataclasses import replace

import pytest
import torch
from mmengine.registry import init_default_scope

from benchmarks import growth, inference, training
from benchmarks.case import CPU, ResultsDiffer
from benchmarks.growth_chart import draw_growth
from benchmarks.networks import Network, lean_segmentor
from benchmarks.peers import torchvision_case
from benchmarks.timing import Stopwatch

SLIDE = dict(
    test_cfg=dict(mode='slide', crop_size=(64, 64), stride=(48, 48)), **growth.NARROW
)
SMALL = Network('small', 'deeplabv3_mobilenetv2', 5, (64, 96), growth.NARROW)


@pytest.fixture(autouse=True)
def scope():
    """Let the host find its own modules."""
    init_default_scope('mmseg')


def results(case) -> dict:
    return {role: one.run(Stopwatch(CPU)) for role, one in case.contenders.items()}


@pytest.mark.parametrize(
    'network',
    [SMALL, replace(SMALL, flip=True), replace(SMALL, changes=SLIDE)],
    ids=['whole', 'flip', 'slide'],
)
def test_each_exact_switch_predicts_what_the_host_does(network):
    switches = ('lean', 'fast')
    cases = inference.inference_cases(CPU, networks=dict(n=network), switches=switches)
    for case in cases:
        found = results(case)
        errors = case.compare(found['stock'], found['ours'])
        assert found['ours'].shape == (1, *network.size)
        assert errors['other_labels'] <= 1e-3 and errors['classes'] > 1


def test_wrong_labels_are_found():
    networks = dict(n=SMALL)
    case = next(inference.inference_cases(CPU, networks=networks, switches=['fast']))
    found = results(case)
    with pytest.raises(ResultsDiffer, match='other_labels'):
        case.compare(found['stock'], (found['ours'] + 1) % 5)


def test_labels_drawn_by_lot_lose_their_score():
    cfg = SMALL.config()
    model = inference.stock_segmentor(cfg, SMALL.size, CPU)
    images = inference.scenes(1, SMALL.size, CPU)
    run = inference.prediction(model, lambda: inference.plain_data(images), CPU)
    labels = run(Stopwatch(CPU))
    assert inference.compare_choices(model, images, labels, labels)['lost'] == 0
    with pytest.raises(ResultsDiffer, match='lost'):
        inference.compare_choices(model, images, labels, torch.randint_like(labels, 5))


def test_lean_segmentor_has_the_weights_of_the_stock_one():
    cfg = SMALL.config()
    stock = inference.stock_segmentor(cfg, SMALL.size, CPU)
    own = lean_segmentor(cfg, stock).state_dict()
    assert all(
        torch.equal(own[key], value) for key, value in stock.state_dict().items()
    )


def test_a_lean_step_has_the_losses_and_gradients_of_the_host():
    case = training.training_case(SMALL, training.MODES['lean'], CPU)
    found = results(case)
    errors = case.compare(found['stock'], found['ours'])
    assert errors['loss'] < 1e-5 and errors['gradient'] < 1e-4
    assert len(found['stock'].gradients) > 50


def test_channels_last_differs_by_rounding_alone():
    """In float64 the gradients agree to 1e-9."""
    cfg = SMALL.config()
    cfg.data_preprocessor.size = SMALL.size
    models = training.make_pair(cfg, training.MODES['fast'], CPU)
    samples = training.labelled_samples(SMALL, 2)
    gradients = []
    for model in models:
        model.double()
        torch.manual_seed(0)  # dropout
        inputs = torch.stack(training.scenes(2, SMALL.size, CPU)).double() / 255
        losses = model(inputs, samples, mode='loss')
        model.parse_losses(losses)[0].backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert (gradients[0] - gradients[1]).norm() < 1e-9 * gradients[0].norm()


def test_steps_repeat():
    """The learning rate is 0."""
    case = training.training_case(SMALL, training.MODES['lean'], CPU)
    first, second = (case.stock.run(Stopwatch(CPU)) for _ in range(2))
    assert torch.equal(first.losses['loss'], second.losses['loss'])


def test_wrong_gradients_are_found():
    case = training.training_case(SMALL, training.MODES['lean'], CPU)
    found = results(case)
    found['ours'].gradients[0] = found['ours'].gradients[0] + 1
    with pytest.raises(ResultsDiffer, match='gradient'):
        case.compare(found['stock'], found['ours'])


def test_torchvision_and_ours_have_the_same_labels_and_multiply_adds():
    pytest.importorskip('torchvision')
    case = torchvision_case('deeplabv3_mobilenet_v3_large', 16, (64, 96), CPU)
    found = results(case)
    assert case.compare(found['stock'], found['ours'])['other_labels'] <= 1e-3
    shown = float(case.group.split(', ')[-1].removesuffix(' G multiply-adds'))
    assert case.work.multiply_adds / 1e9 == pytest.approx(shown, rel=0.01)


def test_growth_cases_and_their_charts(monkeypatch, tmp_path):
    monkeypatch.setattr(growth, 'CLASSES_SIZE', (64, 96))
    monkeypatch.setattr(growth, 'BATCH_SIZE', (64, 96))
    monkeypatch.setattr(growth, 'MEASURED_SIZE', (64, 96))
    points = dict(area=(64,), classes=(3,), batch=(2,))
    rows = []
    for case in growth.growth_cases(CPU, points=points):
        found = results(case)
        case.compare(found['stock'], found['ours'])
        side = dict(seconds=dict(total=dict(median=1.0)), peak_bytes=1e6)
        rows.append(dict(group=case.group, figures=case.figures, stock=side, ours=side))
    pictures = draw_growth(dict(rows=rows), tmp_path, 'growth')
    names = [f'growth_{quantity}.png' for quantity in growth.QUANTITIES]
    assert [picture.name for picture in pictures] == names
    assert all(picture.path.stat().st_size > 5000 for picture in pictures)


def test_large_scenes_are_repeated():
    image = inference.scenes(1, (1100, 2100), CPU)[0]
    assert image.shape == (3, 1100, 2100)
    assert torch.equal(image[:, 1024:, 2048:], image[:, :76, :52])


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: inference.inference_cases(CPU, switches=['none']), 'no switch'),
        (lambda: training.training_cases(CPU, modes=['none']), 'no mode'),
        (lambda: growth.growth_cases(CPU, only=['none']), 'no quantity'),
    ],
)
def test_unknown_names_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        next(make())
