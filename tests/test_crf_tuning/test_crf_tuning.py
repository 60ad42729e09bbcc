"""Searching and learning a CRF behind a small network on SyntheticStreets."""

import copy
import itertools
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmseg.apis import init_model
from mmseg.registry import MODELS
from training import train_here, write_config

from mmseg_deeplab import crf_tuning
from mmseg_deeplab.config import prepare as launch
from mmseg_deeplab.config.crf_settings import load_crf
from mmseg_deeplab.crf_tuning import heatmap
from mmseg_deeplab.crf_tuning.cache import PredictionCache, network_key
from mmseg_deeplab.crf_tuning.evaluate_crf import evaluate
from mmseg_deeplab.crf_tuning.fragment import write_fragment
from mmseg_deeplab.crf_tuning.learn import LEARNABLE, CRFLearner, crf_loss
from mmseg_deeplab.crf_tuning.ranges import RANGES, Range, SearchRanges
from mmseg_deeplab.crf_tuning.sample import Sample
from mmseg_deeplab.crf_tuning.search import CRFSearch
from mmseg_deeplab.crf_tuning.search_journal import Journal
from mmseg_deeplab.crf_tuning.tuned_network import Predictor, build_network, restore
from mmseg_deeplab.crf_tuning.tuning_images import build_split, choose_images, spread

STREETS = 'configs/deeplabv2_r26_synthetic_streets.py'
SMALL = {
    f'{split}_dataloader.{key}': value
    for split in ('train', 'val', 'test')
    for key, value in {
        'dataset.num_images': 12,
        'dataset.size': (32, 64),
        'num_workers': 0,
        'persistent_workers': False,
    }.items()
} | {'model.data_preprocessor.size': (32, 64)}
RANGES_2 = SearchRanges(
    bilateral_weight=Range(2, 4, 2),
    bilateral_xy=Range(5, 15, 10),
    bilateral_rgb=Range(3, 8, 5),
    gaussian_xy=1.0,
)


@cache
def read_config(path: Path) -> Config:
    return launch.load_config(str(path), cfg_options=SMALL)


def small_config(root: Path, **options) -> Config:
    cfg = copy.deepcopy(read_config(root / STREETS))
    cfg.merge_from_dict(options)
    return cfg


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


@pytest.fixture
def make_setup(root, checkpoint, tmp_path):
    def make(work_dir: Path = tmp_path, **options) -> crf_tuning.TuningSetup:
        chosen = crf_tuning.TuningOptions(
            config='streets', work_dir=work_dir, device='cpu',
            **{'checkpoint': checkpoint, 'num_images': 3, 'num_holdout': 3, **options},
        )  # fmt: skip
        return crf_tuning.TuningSetup(small_config(root), chosen)

    return make


@pytest.fixture(scope='module')
def samples(root, checkpoint) -> list[Sample]:
    cfg = small_config(root)
    images, _ = choose_images(cfg, num_images=3)
    predictor = Predictor(build_network(cfg, checkpoint, device='cpu'))
    folder = Path(checkpoint).parent / 'samples'
    cache = PredictionCache(folder, network_key(cfg, checkpoint, tta=False))
    cache.fill(images, lambda: predictor)
    return list(cache.read(images))


def plain_miou(samples: list[Sample], crf: dict | None) -> float:
    """Count by classes, the CRF called as a whole."""
    labels, truth = [], []
    for sample in samples:
        probabilities = sample.probabilities
        if crf is not None:
            probabilities = MODELS.build(dict(crf))(sample.image, probabilities)
        labels.append(probabilities.argmax(1)[0].numpy())
        truth.append(sample.label.numpy())
    labels, truth = np.array(labels), np.array(truth)
    valid, ious = truth != 255, []
    for k in range(8):
        union = ((labels == k) | (truth == k)) & valid
        if union.any():
            ious.append(((labels == k) & (truth == k)).sum() / union.sum())
    return 100 * float(np.mean(ious))


def test_ranges_are_those_of_the_papers():
    assert len(RANGES['v2'].coarse()) == 4 * 8 * 4
    assert len(RANGES['v1'].coarse()) == 6 * 6 * 8
    assert RANGES['v2'].bilateral_xy.values() == [30, 40, 50, 60, 70, 80, 90, 100]
    assert RANGES['v2'].gaussian_weight == RANGES['v2'].gaussian_xy == 3


@pytest.mark.parametrize(
    ('text', 'values'),
    [
        ('30:10:50', [30, 40, 50]),
        ('3:5', [3, 4, 5]),
        ('4.5', [4.5]),
        ('1:.3:2', [1, 1.3, 1.6, 1.9]),
    ],
)
def test_range_is_read(text, values):
    assert Range.parse(text).values() == values


@pytest.mark.parametrize(
    'text', ['a:b', '5:1:3', '0:1:3', '1:0:3', '1:2:3:4', 'nan', 'inf', '']
)
def test_malformed_range_is_refused(text):
    with pytest.raises(ValueError, match='low:step:high'):
        Range.parse(text)


def test_finer_grid_has_all_neighbours_at_half_the_step():
    found = set(RANGES['v2'].fine((4, 60, 3), level=1))
    expected = itertools.product((3.5, 4, 4.5), (55, 60, 65), (2.5, 3, 3.5))
    assert found == set(expected)


def test_finer_grid_leaves_fixed_axes_and_stays_positive():
    ranges = replace(
        RANGES['v2'], bilateral_xy=Range(5, 25, 20), bilateral_rgb=Range.parse('4')
    )
    assert {xy for _, xy, _ in ranges.fine((3, 5, 4), 1)} == {5, 15}
    assert {rgb for *_, rgb in ranges.fine((3, 5, 4), 1)} == {4}


def test_choice_is_spread_and_depends_on_the_seed_alone():
    found = spread(10, 100, seed=3)
    assert found == spread(10, 100, seed=3) != spread(10, 100, seed=4)
    assert [index // 10 for index in found] == list(range(10))


@pytest.mark.parametrize('split', ['val', 'test'])
def test_tuning_and_held_out_images_are_disjoint(root, split):
    # Both splits of this config are the same files.
    tuning, holdout = choose_images(
        small_config(root), num_images=5, holdout_split=split
    )
    assert len(tuning) == 5 and len(holdout) == 7
    assert not set(tuning.paths()) & set(holdout.paths())


def test_small_split_is_halved(root):
    tuning, holdout = choose_images(small_config(root))
    assert len(tuning) == len(holdout) == 6


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(num_images=12), 'num_images=12: the validation split has 12 images'),
        (dict(num_images=0), 'num_images=0'),
        (dict(num_images=12, holdout_split='test'), '0 images that are not used for'),
        (dict(num_images=6, num_holdout=7), 'num_holdout=7'),
    ],
)
def test_too_few_images_are_an_error_with_a_remedy(root, options, match):
    with pytest.raises(ValueError, match=rf'{match}.*--num-images'):
        choose_images(small_config(root), **options)


def test_cached_probabilities_are_the_models_own(root, checkpoint, samples):
    cfg = small_config(root)
    model = init_model(small_config(root), checkpoint, device='cpu')
    images, _ = choose_images(cfg, num_images=3)
    for sample, index in zip(samples, images.indices, strict=True):
        batch = pseudo_collate([images.dataset[index]])
        with torch.no_grad():
            expected = model.test_step(batch)[0].seg_logits.data.softmax(0)
        torch.testing.assert_close(sample.probabilities[0], expected)
        assert torch.equal(sample.image[0], batch['inputs'][0].flip(0))


def test_scores_of_several_scales_are_kept_fused(root, checkpoint):
    cfg = small_config(root, **{'model.type': 'MultiScaleEncoderDecoder'})
    network = build_network(cfg, checkpoint, device='cpu')
    sample = build_split(cfg, 'val').dataset[0]
    kept = Predictor(network).predict(sample)
    assert kept['scores'].shape == (1, 8, 5, 9)
    with torch.no_grad():
        expected = network.test_step(pseudo_collate([sample]))[0].seg_logits.data
    torch.testing.assert_close(restore(**kept)[0], expected.softmax(0))


def test_low_resolution_scores_are_kept_where_they_do(root, checkpoint, samples):
    files = list((Path(checkpoint).parent / 'samples').glob('val_*.npz'))
    with np.load(files[0]) as content:
        assert content['scores'].shape == (1, 8, 5, 9)  # output stride 8
        assert content['scores'].dtype == np.float32


@pytest.mark.parametrize('tta', [False, True])
def test_sliding_and_augmented_predictions_are_the_models_own(
    root, checkpoint, tta, tmp_path
):
    slide = dict(mode='slide', crop_size=(32, 32), stride=(16, 16))
    cfg = small_config(root, **{'model.test_cfg': slide})
    images, _ = choose_images(cfg, num_images=1, tta=tta)
    network = build_network(cfg, checkpoint, device='cpu')
    cache = PredictionCache(tmp_path / 'c', network_key(cfg, checkpoint, tta=tta))
    cache.fill(images, lambda: Predictor(network, tta=tta))
    model = MODELS.build(dict(type='SegTTAModel', module=network)) if tta else network
    with torch.no_grad():
        sample = images.dataset[images.indices[0]]
        if tta:
            sample = {key: [[view] for view in value] for key, value in sample.items()}
            expected = model.test_step(sample)[0].pred_sem_seg.data
        else:
            expected = model.test_step(pseudo_collate([sample]))[0].seg_logits.data
            expected = expected.softmax(0)
    found = next(cache.read(images)).probabilities[0]
    if tta:
        assert (found.argmax(0) == expected.squeeze()).float().mean() > 0.999
    else:
        torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_the_image_is_the_original_under_augmentation(root, checkpoint):
    cfg = small_config(root)
    plain, augmented = build_split(cfg, 'val'), build_split(cfg, 'val', tta=True)
    predictor = Predictor(build_network(cfg, checkpoint, device='cpu'), tta=True)
    expected = plain.dataset[2]['inputs'].flip(0)
    assert torch.equal(predictor.image(augmented.dataset[2])[0], expected)


def test_what_is_cached_is_not_predicted_again(root, checkpoint, tmp_path):
    cfg = small_config(root)
    images, others = choose_images(cfg, num_images=2, num_holdout=2)
    predictor = Predictor(build_network(cfg, checkpoint, device='cpu'))
    key = network_key(cfg, checkpoint, tta=False)
    assert PredictionCache(tmp_path / 'c', key).fill(images, lambda: predictor) == 2
    assert PredictionCache(tmp_path / 'c', key).fill(images, pytest.fail) == 0
    more = replace(images, indices=images.indices + others.indices)
    assert PredictionCache(tmp_path / 'c', key).fill(more, lambda: predictor) == 2


@pytest.mark.parametrize('change', ['checkpoint', 'model', 'tta'])
def test_cache_of_another_network_is_dropped(root, checkpoint, tmp_path, change):
    key = network_key(small_config(root), checkpoint, tta=False)
    folder, said = tmp_path / 'c', []
    PredictionCache(folder, key)
    (folder / 'val_000000.npz').touch()
    other = {
        'checkpoint': lambda: network_key(
            small_config(root), str(root / STREETS), tta=False
        ),
        'model': lambda: network_key(
            small_config(root, **{'model.decode_head.dilations': (1, 2)}),
            checkpoint,
            tta=False,
        ),
        'tta': lambda: network_key(small_config(root), checkpoint, tta=True),
    }[change]()
    PredictionCache(folder, other, say=said.append)
    assert f'predictions of another {change};' in said[0]
    assert [file.name for file in folder.iterdir()] == ['key.json']


def test_image_whose_label_has_changed_is_predicted_anew(tmp_path):
    cfg = launch.load_config(str(write_config(tmp_path)))
    images, _ = choose_images(cfg, num_images=2)
    torch.save(MODELS.build(cfg.model).state_dict(), tmp_path / 'w.pth')
    network = build_network(cfg, str(tmp_path / 'w.pth'), device='cpu')
    cache = PredictionCache(tmp_path / 'c', network_key(cfg, 'w', tta=False))
    assert cache.fill(images, lambda: Predictor(network)) == 2
    label = Path(images.files[images.indices[1]][1])
    shutil.copy(images.files[images.indices[0]][1], label)
    assert cache.fill(images, lambda: Predictor(network)) == 1
    first, second = cache.read(images)
    assert torch.equal(first.label, second.label)


def test_the_crf_of_the_config_is_not_part_of_the_prediction(root, checkpoint):
    with_crf = small_config(
        root, **{'model.type': 'LeanEncoderDecoder', 'model.crf': dict(type='DenseCRF')}
    )
    assert build_network(with_crf, checkpoint, device='cpu').crf is None
    plain = small_config(root, **{'model.type': 'LeanEncoderDecoder'})
    keys = [network_key(cfg, checkpoint, tta=False) for cfg in (with_crf, plain)]
    assert keys[0] == keys[1]


def test_miou_equals_a_plain_count(samples):
    crf = dict(type='DenseCRF', bilateral_xy=10.0, bilateral_rgb=5.0)
    found = evaluate(samples, [None, MODELS.build(dict(crf))])
    assert found == pytest.approx([plain_miou(samples, c) for c in (None, crf)])


def run_search(samples, path: Path, *, rounds: int = 1, settings=None) -> CRFSearch:
    search = CRFSearch(
        RANGES_2, Journal(path, settings or {}), rounds=rounds, num_iterations=3
    )
    search.run(lambda: iter(samples), len(samples))
    return search


@pytest.fixture(scope='module')
def searched(samples, tmp_path_factory) -> CRFSearch:
    return run_search(samples, tmp_path_factory.mktemp('search') / 'search.json')


def test_search_finds_the_best_of_an_exhaustive_loop(samples, searched):
    scores = {}
    for weight, xy, rgb in itertools.product((2, 4), (5, 15), (3, 8)):
        crf = dict(
            type='DenseCRF', num_iterations=3, bilateral_weight=weight, bilateral_xy=xy,
            bilateral_rgb=rgb, gaussian_weight=3.0, gaussian_xy=1.0,
        )  # fmt: skip
        scores[weight, xy, rgb] = plain_miou(samples, crf)
    coarse = [r for r in searched.results() if r['grid'] == 'coarse']
    found = {
        tuple(r[a] for a in ('bilateral_weight', 'bilateral_xy', 'bilateral_rgb')): r[
            'mIoU'
        ]
        for r in coarse
    }
    assert found == pytest.approx(scores)
    best = max(scores, key=scores.get)
    fine = set(RANGES_2.fine(best, 1)) | set(scores)
    assert len(searched.results()) == len(fine)
    assert max(r['mIoU'] for r in searched.results()) >= scores[best]


def interrupted(samples: list[Sample], images: int) -> Iterator[Sample]:
    """Yield some images, then fail as a full disk or an interrupt would."""
    budget = [images]

    def give() -> Iterator[Sample]:
        for sample in samples:
            if budget[0] == 0:
                raise KeyboardInterrupt
            budget[0] -= 1
            yield sample

    return give


def test_search_goes_on_where_it_was_stopped(samples, searched, tmp_path):
    path = tmp_path / 'search.json'
    search = CRFSearch(RANGES_2, Journal(path, {}), rounds=1, num_iterations=3)
    with pytest.raises(KeyboardInterrupt):  # in the third pair of widths
        search.run(interrupted(samples, 2 * len(samples) + 1), len(samples))
    before = json.loads(path.read_text())['results']
    assert len(before) == 4
    given = []
    again = CRFSearch(RANGES_2, Journal(path, {}), rounds=1, num_iterations=3)
    again.run(lambda: (given.append(s) or s for s in samples), len(samples))
    assert again.results() == searched.results() and again.best() == searched.best()
    written = [
        json.loads(p.read_text())['results'] for p in (path, searched.journal.path)
    ]
    assert written[0] == written[1] and written[0][:4] == before
    passes = {
        (r['grid'], r['bilateral_xy'], r['bilateral_rgb']) for r in again.results()
    }
    assert len(given) == (len(passes) - 2) * len(samples)  # two were finished


def test_finished_search_evaluates_nothing(samples, searched):
    again = CRFSearch(
        RANGES_2, Journal(searched.journal.path, {}), rounds=1, num_iterations=3
    )
    assert again.run(pytest.fail, len(samples)) == searched.best()


def test_journal_of_other_settings_is_refused_and_restarted(tmp_path):
    path = tmp_path / 'j.json'
    Journal(path, dict(images=3)).write(results=[1])
    with pytest.raises(
        ValueError, match=r"made with other settings: {'images': 3}.*--restart"
    ):
        Journal(path, dict(images=4))
    assert Journal(path, dict(images=4), restart=True).content == dict(
        settings=dict(images=4)
    )
    path.write_text('{"results": [1')
    with pytest.raises(ValueError, match='no JSON'):
        Journal(path, {})


@pytest.mark.parametrize('num_classes', [3, 22])
def test_fragment_is_readable_from_any_folder(tmp_path, monkeypatch, num_classes):
    matrix = (
        np.random.default_rng(0).random((num_classes, num_classes)).astype('f').tolist()
    )
    settings = dict(
        type='DenseCRF', num_iterations=7, bilateral_weight=4.25, compatibility=matrix
    )
    write_fragment(
        tmp_path / 'a' / 'crf.py', settings, docstring='Of """this""" network.'
    )
    monkeypatch.chdir('/')
    (tmp_path / 'a').rename(tmp_path / 'b')
    path = tmp_path / 'b' / 'crf.py'
    assert (tmp_path / 'b' / 'crf_compatibility.npy').exists() == (num_classes > 21)
    for crf in (Config.fromfile(path).crf, load_crf(str(path))):
        built = MODELS.build(dict(crf))
        assert built.num_iterations == 7
        np.testing.assert_allclose(built.compatibility, matrix, rtol=1e-5)


def make_learner(path: Path, **options) -> CRFLearner:
    start = dict(
        type='DenseCRF', num_iterations=10, bilateral_weight=4.0, bilateral_xy=10.0,
        bilateral_rgb=5.0, gaussian_weight=3.0, gaussian_xy=1.0,
    )  # fmt: skip
    options = {'epochs': 2, 'num_iterations': 2, 'test_iterations': 3, **options}
    return CRFLearner(start, 8, state_file=path, settings={}, **options)


def test_learning_lowers_the_loss(samples, tmp_path):
    learner = make_learner(tmp_path / 's.pth')
    losses = [learner.step(samples[0]) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert all(later < earlier for earlier, later in itertools.pairwise(losses))


def exact_loss(sample: Sample, values: dict[str, torch.Tensor]) -> torch.Tensor:
    """Two mean-field iterations with the kernels as whole matrices."""
    height, width = sample.label.shape
    places = torch.cartesian_prod(torch.arange(height), torch.arange(width)).double()
    colours = sample.image[0].double().flatten(1).t()
    far, unlike = (torch.cdist(x, x).square() for x in (places, colours))
    kernels = [
        far / values['bilateral_xy'] ** 2 + unlike / values['bilateral_rgb'] ** 2,
        far / values['gaussian_xy'] ** 2,
    ]
    kernels = [torch.exp(-distance / 2) for distance in kernels]
    roots = [kernel.sum(1).rsqrt() for kernel in kernels]
    weights = values['bilateral_weight'], values['gaussian_weight']
    logs = sample.probabilities[0].double().flatten(1).t().clamp_min(1e-5).log()
    refined = logs.softmax(1)
    for _ in range(2):
        message = sum(
            weight * root[:, None] * (kernel @ (root[:, None] * refined))
            for weight, root, kernel in zip(weights, roots, kernels, strict=True)
        )
        refined = (logs + message @ values['compatibility']).softmax(1)
    return -refined.gather(1, sample.label.flatten()[:, None].long()).log().mean()


def test_gradient_is_that_of_the_exact_mean_field(samples, tmp_path):
    sample = Sample(
        image=samples[0].image[..., :48],
        label=samples[0].label[..., :48],
        probabilities=samples[0].probabilities[..., :48],
    )
    learner = make_learner(tmp_path / 's.pth')
    learner.gradient(sample)
    values = {
        name: parameter.detach().double().requires_grad_()
        for name, parameter in learner.crf.named_parameters()
    }
    exact_loss(sample, values).backward()
    for name, parameter in learner.crf.named_parameters():
        # For a change of all values in proportion; the lattice is an approximation.
        found, expected = (
            (p.grad * p.detach()).sum().item() for p in (parameter, values[name])
        )
        assert found == pytest.approx(expected, rel=0.2, abs=0.02), name


def test_loss_is_the_cross_entropy_on_labelled_pixels(samples, tmp_path):
    crf = make_learner(tmp_path / 's.pth').crf
    label = samples[0].label.clone()
    label[:10] = 255
    sample = replace(samples[0], label=label)
    refined = crf(sample.image, sample.probabilities)[0].detach().double()
    picked = refined[:, 10:].gather(0, label[None, 10:].long())
    assert crf_loss(crf, sample).item() == pytest.approx(
        -picked.log().mean().item(), rel=1e-4
    )


def test_learning_goes_on_where_it_was_stopped(samples, tmp_path):
    whole = make_learner(tmp_path / 'whole.pth')
    expected = whole.run(2, samples.__getitem__)
    stopped = make_learner(tmp_path / 'state.pth')
    budget = iter(range(2 + 4 + 1))  # the start, one epoch, an image

    def read(place: int) -> Sample:
        next(budget)
        return samples[place]

    with pytest.raises((StopIteration, RuntimeError)):
        stopped.run(2, read)
    again = make_learner(tmp_path / 'state.pth')
    assert len(again.history) == 2
    assert again.run(2, samples.__getitem__) == expected
    assert again.history == whole.history
    make_learner(tmp_path / 'state.pth').run(2, pytest.fail)


def test_learning_with_other_options_is_refused(samples, tmp_path):
    make_learner(tmp_path / 's.pth').run(2, samples.__getitem__)
    with pytest.raises(
        ValueError, match=r"s\.pth was made with other.*'lr': 0\.5.*--restart"
    ):
        make_learner(tmp_path / 's.pth', lr=0.5)
    assert not make_learner(tmp_path / 's.pth', lr=0.5, restart=True).history


def test_learned_is_never_worse_than_the_start(samples, tmp_path):
    learner = make_learner(tmp_path / 's.pth', lr=30.0)  # breaks everything
    learner.run(2, samples.__getitem__)
    start = learner.history[0]['mIoU']
    assert (
        learner.best['mIoU'] == max(entry['mIoU'] for entry in learner.history) >= start
    )


def test_only_what_is_learnable_changes_and_stays_in_bounds(samples, tmp_path):
    learner = make_learner(
        tmp_path / 's.pth', lr=5.0, learnable=['gaussian_weight', 'bilateral_xy']
    )
    for _ in range(4):
        learner.step(samples[0])
        result = learner.result()
        assert result['bilateral_xy'] >= 1.0 and result['gaussian_weight'] >= 0
    assert result['gaussian_weight'] != 3.0 and result['bilateral_xy'] != 10.0
    assert result['bilateral_weight'] == 4.0 and result['bilateral_rgb'] == 5.0


@pytest.mark.parametrize(
    'option',
    [
        dict(epochs=0),
        dict(lr=0.0),
        dict(lr=float('nan')),
        dict(learnable=[]),
        dict(learnable=['width']),
    ],
)
def test_learning_options_out_of_range_are_refused(tmp_path, option):
    with pytest.raises(ValueError, match=f'{next(iter(option))}='):
        make_learner(tmp_path / 's.pth', **option)


def test_image_without_labels_is_passed_over(samples, tmp_path):
    blank = replace(samples[0], label=torch.full_like(samples[0].label, 255))
    learner = make_learner(tmp_path / 's.pth', epochs=1)
    learner.run(2, [blank, samples[1]].__getitem__)
    assert learner.history[1]['loss'] > 0


def test_learning_from_the_fragment_of_a_search(make_setup, tmp_path):
    setup = make_setup()
    found = crf_tuning.search_crf(setup, RANGES_2, rounds=0)
    figures = found['comparison']['tuning']
    assert figures['tuned'] >= figures['start']
    second = make_setup(start=str(found['files']['fragment']))
    learned = crf_tuning.learn_crf(second, epochs=1, num_iterations=2)
    after = learned['comparison']['tuning']
    assert after['start'] == pytest.approx(figures['tuned'])
    assert after['tuned'] >= after['start']
    written = load_crf(str(learned['files']['fragment']))
    assert written == learned['crf'] and written['num_iterations'] == 10
    samples = list(second.samples())
    assert plain_miou(samples, written) == pytest.approx(after['tuned'])


def test_start_is_kept_where_the_search_finds_nothing_better(make_setup, tmp_path):
    (tmp_path / 'good.py').write_text(
        "crf = dict(type='DenseCRF', bilateral_weight=0.01, gaussian_weight=0.01)"
    )
    # One label for all pixels.
    huge = Range.parse('10000')
    ranges = SearchRanges(bilateral_weight=huge, bilateral_xy=huge, bilateral_rgb=huge)
    result = crf_tuning.search_crf(
        make_setup(start=str(tmp_path / 'good.py')), ranges, rounds=0
    )
    assert 'is kept' in result['notes'][0]
    assert load_crf(str(result['files']['fragment']))['bilateral_weight'] == 0.01


def test_weights_that_do_not_fit_are_refused(root, checkpoint, tmp_path):
    torch.save(
        dict(state_dict={'backbone.conv1.weight': torch.zeros(1)}), tmp_path / 'w.pth'
    )
    for cfg, path in (
        (small_config(root), str(tmp_path / 'w.pth')),
        (
            small_config(root, **{'model.decode_head.dilations': (1, 2, 3, 4, 5)}),
            checkpoint,
        ),
    ):
        with pytest.raises(ValueError, match=r'weights of the config|does not fit'):
            build_network(cfg, path, device='cpu')


def test_one_output_channel_is_refused(root, checkpoint):
    head = {
        'model.decode_head.num_classes': 2,
        'model.decode_head.out_channels': 1,
        'model.decode_head.threshold': 0.5,
    }
    with pytest.raises(ValueError, match='1 output channel'):
        build_network(small_config(root, **head), checkpoint, device='cpu')


def test_images_without_labels_are_refused(tmp_path):
    cfg = launch.load_config(str(write_config(tmp_path)))
    del cfg.val_dataloader.dataset.pipeline[1]
    images, _ = choose_images(cfg, num_images=1)
    store = PredictionCache(tmp_path / 'c', {})
    with pytest.raises(ValueError, match=r'\d\.png: no label was loaded.*Put'):
        store.fill(images, lambda: None)


def test_config_without_validation_split_is_refused(root):
    with pytest.raises(ValueError, match='no val_dataloader'):
        choose_images(small_config(root, val_dataloader=None))


def test_missing_checkpoint_is_named(root, make_setup):
    with pytest.raises(FileNotFoundError, match=r'nowhere\.pth'):
        make_setup(checkpoint='nowhere.pth')


def test_heat_map_takes_the_best_over_the_weight():
    results = [
        dict(bilateral_weight=w, bilateral_xy=xy, bilateral_rgb=rgb, mIoU=score)
        for w, xy, rgb, score in [
            (3, 30, 3, 50.0),
            (4, 30, 3, 52.0),
            (5, 30, 3, 51.0),
            (3, 40, 4, 49.0),
        ]
    ]
    alphas, betas, scores, weights = heatmap.best_over_weight(results)
    assert (alphas, betas) == ([30, 40], [3, 4])
    np.testing.assert_array_equal(scores, [[52, np.nan], [np.nan, 49]])
    np.testing.assert_array_equal(weights, [[4, np.nan], [np.nan, 3]])


def test_pictures_are_written(searched, tmp_path):
    heatmap.plot_search(
        searched.results(), tmp_path / 's.png', references=dict(without=50.0), title='t'
    )
    history = [
        dict(
            epoch=i,
            loss=None if i == 0 else 1.0,
            mIoU=50.0 + i,
            parameters=dict(a=1.0 + i),
        )
        for i in range(3)
    ]
    heatmap.plot_learning(history, tmp_path / 'l.png', best=2)
    for name in ('s.png', 'l.png'):
        assert (tmp_path / name).read_bytes().startswith(b'\x89PNG')


def test_documented_number_of_evaluations():
    assert crf_tuning.number_of_evaluations(RANGES['v2'], 2) == 128 + 2 * 26
    fixed = replace(RANGES['v2'], bilateral_rgb=Range.parse('3'))
    assert crf_tuning.number_of_evaluations(fixed, 1) == 32 + 8


def test_all_learnable_names_are_those_of_the_crf():
    crf = MODELS.build(dict(type='DenseCRF', learnable=True, num_classes=3))
    assert {name for name, _ in crf.named_parameters()} == set(LEARNABLE)
