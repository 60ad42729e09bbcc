"""Searching and learning a CRF behind a small network on SyntheticStreets."""

import itertools
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.apis import init_model
from mmseg.evaluation import IoUMetric
from mmseg.registry import DATASETS, MODELS
from training import few_streets, train_here, write_config

from mmseg_deeplab.config import read_config
from mmseg_deeplab.config.prediction_options import load_crf
from mmseg_deeplab.crf_tuning import (
    AXES,
    RANGES,
    CRFLearner,
    CRFSearch,
    TuningSetup,
    parse_range,
    tune,
)
from mmseg_deeplab.crf_tuning.gradient_learning import crf_loss
from mmseg_deeplab.crf_tuning.grid_search import finer_values
from mmseg_deeplab.crf_tuning.tuning_images import Sample, choose_images, evaluate
from mmseg_deeplab.crf_tuning.tuning_setup import write_fragment
from mmseg_deeplab.models import predicting

STREETS = 'configs/deeplabv2_r26_synthetic_streets.py'
SMALL = {'model.data_preprocessor.size': (32, 64), **few_streets(12, (32, 64))}
GRID = dict(zip(AXES, ([2.0, 4.0], [5.0, 15.0], [3.0, 8.0]), strict=True))
START = """crf = dict(
    type='DenseCRF', bilateral_weight=4.0, bilateral_xy=10.0, bilateral_rgb=5.0,
    gaussian_weight=3.0, gaussian_xy=1.0)
"""


@pytest.fixture(scope='module')
def cfg(root) -> Config:
    return read_config(root / STREETS, SMALL)


@pytest.fixture(scope='module')
def checkpoint(root, tmp_path_factory) -> str:
    """Fit the network for a few steps: its maps are coarse, and better than chance."""
    folder = tmp_path_factory.mktemp('fit')
    options = {key.replace('.', '__'): value for key, value in SMALL.items()}
    train_here(
        root / STREETS, folder, train_cfg__max_iters=30, train_cfg__val_interval=100,
        default_hooks__checkpoint__interval=30, **options,
    )  # fmt: skip
    return str(folder / 'iter_30.pth')


@pytest.fixture(scope='module')
def make_setup(root, checkpoint, tmp_path_factory):
    """Return a function that makes setups; those of equal folders share a cache."""
    start = tmp_path_factory.mktemp('start') / 'start.py'
    start.write_text(START)

    def make(work_dir: Path, **options) -> TuningSetup:
        given = dict(
            config=str(root / STREETS), checkpoint=checkpoint, cfg_options=SMALL,
            num_images=3, num_holdout=3, num_iterations=3, start=str(start),
            device='cpu', work_dir=work_dir,
        )  # fmt: skip
        return TuningSetup(**given | options)

    return make


@pytest.fixture(scope='module')
def setup(make_setup, tmp_path_factory) -> TuningSetup:
    return make_setup(tmp_path_factory.mktemp('setup'))


@pytest.fixture(scope='module')
def samples(setup) -> list[Sample]:
    return list(setup.tuning_samples())


@pytest.fixture
def with_samples(make_setup, samples, tmp_path):
    """Return a function that makes setups which read given samples in memory."""

    def make(read=samples.__getitem__, work_dir=tmp_path, **options) -> TuningSetup:
        made = make_setup(work_dir, **options)
        made.read = read
        return made

    return make


def test_a_network_of_one_channel_is_refused(make_setup, tmp_path):
    one = {'model.decode_head.out_channels': 1, 'model.decode_head.num_classes': 2}
    with pytest.raises(ValueError, match=r'1 output channel.*out_channels=2'):
        make_setup(tmp_path, cfg_options=SMALL | one)


def test_classes_in_another_order_than_at_training_are_refused(make_setup, tmp_path):
    names = DATASETS.get('SyntheticStreets').METAINFO['classes']
    option = {'val_dataloader.dataset.metainfo': dict(classes=names[::-1])}
    with pytest.raises(ValueError, match=r'order of the classes.*val_dataloader'):
        make_setup(tmp_path, cfg_options=SMALL | option)


def plain_miou(samples: list[Sample], crf: dict | None) -> float:
    """Count as MMSegmentation does, the CRF called as a whole."""
    refine = MODELS.build(dict(crf)) if crf else lambda _, probabilities: probabilities
    refined = [refine(sample.image, sample.probabilities) for sample in samples]
    labels = torch.stack([sample.label for sample in samples])
    predicted = torch.cat(refined).argmax(1)
    hits, union, *_ = IoUMetric.intersect_and_union(predicted, labels, 8, 255)
    return 100 * (hits / union)[union > 0].mean().item()


def interrupted(read, calls: int):
    """Read some images, then fail as an interrupt would."""
    budget = iter(range(calls))

    def give(position: int) -> Sample:
        if next(budget, None) is None:
            raise KeyboardInterrupt
        return read(position)

    return give


def test_ranges_are_those_of_the_papers():
    for paper, sizes in dict(v2=[4, 8, 4], v1=[6, 6, 8]).items():
        assert [len(parse_range(text)) for text in RANGES[paper].values()] == sizes


def test_range_is_read():
    texts = ('30:10:50', '3:5', '4.5', '1:.3:2')
    values = [30, 40, 50], [3, 4, 5], [4.5], [1, 1.3, 1.6, 1.9]
    assert tuple(map(parse_range, texts)) == values


@pytest.mark.parametrize('text', ['a:b', '5:1:3', '0:1:3', '1:0:3', '1:2:3:4', 'nan'])
def test_malformed_range_is_refused(text):
    with pytest.raises(ValueError, match='low:step:high'):
        parse_range(text)


def test_finer_values_are_half_a_step_away():
    assert finer_values([30.0, 40.0, 50.0], 40.0, 1) == [35, 40, 45]
    assert finer_values([5.0, 25.0], 5.0, 1) == [5, 15]  # positive
    assert finer_values([4.0], 4.0, 1) == [4]  # fixed


@pytest.mark.parametrize('split', ['val', 'test'])
def test_tuning_and_held_out_images_are_disjoint(cfg, split):
    # Both splits of this config are the same files.
    tuning, holdout = choose_images(cfg, num_images=5, holdout_split=split)
    assert len(tuning) == 5 and len(holdout) == 7
    assert not set(tuning.paths()) & set(holdout.paths())
    ends = [2, 5, 7, 10, 12]  # of five equal runs
    assert [sum(i < end for i in tuning.indices) for end in ends] == [1, 2, 3, 4, 5]
    assert [len(images) for images in choose_images(cfg)] == [6, 6]  # halves


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(num_images=0), 'num_images=0'),
        (dict(num_images=12, holdout_split='test'), '0 images that are not used for'),
        (dict(num_images=6, num_holdout=7), 'num_holdout=7'),
    ],
)
def test_too_few_images_are_an_error_with_a_remedy(cfg, options, match):
    with pytest.raises(ValueError, match=rf'{match}.*--num-images'):
        choose_images(cfg, **options)


@pytest.mark.parametrize('segmentor', ['EncoderDecoder', 'MultiScaleEncoderDecoder'])
def test_probabilities_are_those_of_mmsegmentation(
    root, cfg, checkpoint, make_setup, tmp_path, segmentor, monkeypatch
):
    options = SMALL | {'model.type': segmentor}
    setup, again = (
        make_setup(tmp_path, cfg_options=options, num_images=1) for _ in range(2)
    )
    monkeypatch.setattr(again.cache, 'predictor', pytest.fail)
    other = read_config(root / STREETS, options)
    model = init_model(other, checkpoint, device='cpu')
    (index,) = setup.tuning.indices
    batch = pseudo_collate([DATASETS.build(cfg.val_dataloader.dataset)[index]])
    with torch.no_grad(), predicting(keep_logits=True):
        expected = model.test_step(batch)[0].seg_logits.data.softmax(0)
    for source in (setup, again):  # predicted; read from float16
        sample = source.read(0)
        torch.testing.assert_close(sample.probabilities[0], expected, atol=1e-3, rtol=0)
    assert torch.equal(sample.image[0], batch['inputs'][0].flip(0))
    assert torch.equal(sample.label, batch['data_samples'][0].gt_sem_seg.data[0])


def test_probabilities_of_another_network_are_removed(make_setup, tmp_path):
    make_setup(tmp_path).read(0)
    (file,) = (tmp_path / 'cache').iterdir()
    make_setup(tmp_path)  # the same network
    assert file.exists()
    make_setup(tmp_path, tta=True).read(0)
    assert not file.exists()


def test_another_network_has_another_key(make_setup, tmp_path):
    torch.save({}, tmp_path / 'w.pth')
    options = (
        {},
        dict(cfg_options=SMALL | {'model.crf': {}}),  # the same network
        dict(tta=True),
        dict(checkpoint=str(tmp_path / 'w.pth')),
        dict(cfg_options=SMALL | {'model.decode_head.dilations': (1, 2)}),
    )
    assert len({make_setup(tmp_path, **o).cache.key for o in options}) == 4


def test_an_image_that_has_changed_is_predicted_anew(tmp_path):
    config = write_config(tmp_path)
    cfg = read_config(config)
    torch.save(MODELS.build(cfg.model).state_dict(), tmp_path / 'w.pth')
    given = dict(config=str(config), checkpoint=str(tmp_path / 'w.pth'), num_images=2)
    setup = TuningSetup(**given, work_dir=tmp_path / 'crf', device='cpu')
    first = setup.read(0).probabilities
    file, other = setup.tuning.paths()
    Path(file).write_bytes(Path(other).read_bytes())
    os.utime(file, ns=(1, 1))
    assert not torch.equal(setup.read(0).probabilities, first)
    assert torch.equal(setup.read(0).image, setup.read(1).image)


def test_miou_equals_a_plain_count(samples):
    crf = dict(type='DenseCRF', bilateral_rgb=5.0)
    crfs = [None, *(crf | dict(bilateral_xy=xy) for xy in (10.0, 20.0, 20.0))]
    found = evaluate(samples, [crf and MODELS.build(dict(crf)) for crf in crfs])
    assert found == pytest.approx([plain_miou(samples, crf) for crf in crfs])


@pytest.fixture(scope='module')
def searched(setup) -> CRFSearch:
    search = CRFSearch(setup, GRID, gaussian_xy=1.0, rounds=1)
    search.run()
    return search


def test_search_finds_the_best_of_an_exhaustive_loop(samples, searched):
    expected = {}
    for weight, xy, rgb in itertools.product(*GRID.values()):
        crf = dict(
            type='DenseCRF', num_iterations=3, bilateral_weight=weight, bilateral_xy=xy,
            bilateral_rgb=rgb, gaussian_weight=3.0, gaussian_xy=1.0,
        )  # fmt: skip
        expected[weight, xy, rgb] = plain_miou(samples, crf)
    entries = searched.log()['results']
    found = {tuple(entry[axis] for axis in AXES): entry['mIoU'] for entry in entries}
    assert {triple: found[triple] for triple in expected} == pytest.approx(expected)
    best = max(expected, key=expected.get)
    finer = [finer_values(*pair, 1) for pair in zip(GRID.values(), best, strict=True)]
    assert found.keys() == expected.keys() | set(itertools.product(*finer))
    assert found[searched.best()] == max(found.values())
    assert len(searched.study.trials) == len(found)  # no triple twice


def test_a_search_that_was_stopped_gives_the_same_result(
    with_samples, samples, searched
):
    third_pair = interrupted(samples.__getitem__, 2 * len(samples) + 1)
    options = dict(gaussian_xy=1.0, rounds=1)
    with pytest.raises(KeyboardInterrupt):
        CRFSearch(with_samples(third_pair), GRID, **options).run()
    again = CRFSearch(with_samples(), GRID, **options)
    assert len(again.study.trials) == 4
    assert again.run() == searched.crf_config(searched.best())
    assert again.log() == searched.log()
    assert len(again.study.trials) == len(searched.study.trials)
    nothing_left = CRFSearch(with_samples(pytest.fail), GRID, **options)
    assert nothing_left.run() == again.crf_config(again.best())


def test_results_of_other_settings_are_refused_and_forgotten(with_samples):
    CRFSearch(with_samples(), GRID)  # without a result it refuses nothing
    CRFSearch(with_samples(), GRID, gaussian_xy=1.0, rounds=0).run()
    with pytest.raises(ValueError, match=r"with other settings: {'gaussian_xy': 1.0}"):
        CRFSearch(with_samples(), GRID, gaussian_xy=2.0)
    assert not CRFSearch(with_samples(restart=True), GRID).study.trials


@pytest.mark.parametrize('num_classes', [3, 22])
def test_fragment_is_readable_from_any_folder(tmp_path, monkeypatch, num_classes):
    random = np.random.default_rng(0)
    matrix = random.random((num_classes, num_classes)).tolist()
    crf = dict(type='DenseCRF', num_iterations=7, compatibility=matrix)
    write_fragment(tmp_path / 'a' / 'crf.py', crf, docstring='"""This""" network.')
    monkeypatch.chdir('/')
    (tmp_path / 'a').rename(tmp_path / 'b')
    path = tmp_path / 'b' / 'crf.py'
    assert (tmp_path / 'b' / 'crf_compatibility.npy').exists() == (num_classes > 21)
    data = load_crf(path.with_suffix('.json'))
    for crf in (Config.fromfile(path).crf, load_crf(str(path)), data):
        built = MODELS.build(dict(crf))
        assert built.num_iterations == 7
        np.testing.assert_allclose(built.compatibility, matrix, rtol=1e-5)


def make_learner(setup: TuningSetup, **options) -> CRFLearner:
    return CRFLearner(setup, **dict(epochs=2, num_iterations=2) | options)


def test_loss_is_the_cross_entropy_on_labelled_pixels(with_samples, samples):
    crf = make_learner(with_samples()).crf
    label = samples[0].label.clone()
    label[:10] = 255
    sample = replace(samples[0], label=label)
    refined = crf(sample.image, sample.probabilities)[0].detach().double()
    picked = refined[:, 10:].gather(0, label[None, 10:].long())
    expected = -picked.log().mean().item()
    assert crf_loss(crf, sample).item() == pytest.approx(expected, rel=1e-4)


def test_learning_that_was_stopped_gives_the_same_result(
    with_samples, samples, tmp_path
):
    whole = make_learner(with_samples())
    expected = whole.run()
    second_epoch = interrupted(samples.__getitem__, 1 + 3 + 6 + 1)
    other = with_samples(second_epoch, tmp_path / 'other')
    with pytest.raises(KeyboardInterrupt):
        make_learner(other).run()
    other.read = samples.__getitem__
    again = make_learner(other)
    assert len(again.history) == 2
    assert again.run() == expected
    assert again.history == whole.history
    with pytest.raises(ValueError, match=r"with other settings.*'lr': 0\.5.*--restart"):
        make_learner(other, lr=0.5)
    other.restart = True
    assert not make_learner(other, lr=0.5).history


@pytest.mark.parametrize('lr', [0.01, 30.0])  # helps, breaks everything
def test_learned_is_never_worse_than_the_start(with_samples, samples, lr):
    blank = replace(samples[0], label=torch.full_like(samples[0].label, 255))
    learner = make_learner(with_samples([*samples[:2], blank].__getitem__), lr=lr)
    learner.run()
    first, *later = learner.history
    best = max(entry['mIoU'] for entry in later)
    assert learner.best['mIoU'] == max(best, first['mIoU'])
    assert (best > first['mIoU']) == (lr < 1)


def test_only_what_is_learnable_changes_and_stays_in_bounds(with_samples, samples):
    learnable = ['gaussian_weight', 'bilateral_xy']
    learner = make_learner(with_samples(), lr=5.0, learnable=learnable)
    for _ in range(4):
        learner.step(samples[0])
        result = learner.result()
        assert result['bilateral_xy'] >= 1.0 and result['gaussian_weight'] >= 0
    assert result['gaussian_weight'] != 3.0 and result['bilateral_xy'] != 10.0
    assert result['bilateral_weight'] == 4.0 and result['bilateral_rgb'] == 5.0


@pytest.mark.slow
def test_learning_from_the_fragment_of_a_search(make_setup, tmp_path):
    found = tune(CRFSearch(make_setup(tmp_path), GRID, gaussian_xy=1.0, rounds=0))
    miou = found['comparison']['tuning']
    assert miou['tuned'] >= miou['start']
    second = make_setup(tmp_path, start=str(found['files']['fragment']))
    learned = tune(make_learner(second, epochs=1))
    after = learned['comparison']['tuning']
    assert after['start'] == pytest.approx(miou['tuned'])
    assert after['tuned'] >= after['start']
    written = load_crf(str(learned['files']['fragment']))
    assert written == learned['crf'] and written['num_iterations'] == 3
    samples = list(second.tuning_samples())
    assert plain_miou(samples, written) == pytest.approx(after['tuned'])
    for result in (found, learned):
        assert result['files']['plot'].read_bytes().startswith(b'\x89PNG')
        log = json.loads(result['files']['log'].read_text())
        assert log['comparison'] == result['comparison']


def test_start_is_kept_where_the_search_finds_nothing_better(make_setup, tmp_path):
    (tmp_path / 'good.py').write_text(
        "crf = dict(type='DenseCRF', bilateral_weight=0.01, gaussian_weight=0.01)"
    )
    setup = make_setup(tmp_path, start=str(tmp_path / 'good.py'))
    one_label_everywhere = {axis: [10000.0] for axis in AXES}
    result = tune(CRFSearch(setup, one_label_everywhere, rounds=0))
    assert 'is kept' in result['notes'][0]
    assert load_crf(str(result['files']['fragment']))['bilateral_weight'] == 0.01


def test_images_without_labels_are_refused(tmp_path):
    cfg = read_config(write_config(tmp_path))
    del cfg.val_dataloader.dataset.pipeline[1]
    images, _ = choose_images(cfg, num_images=1)
    with pytest.raises(ValueError, match=r'\d\.png: no label was loaded.*Add'):
        images.read(0)
