"""The benchmark of whole evaluations."""

import json

import pytest
import torch

from benchmarks import evaluation
from benchmarks.case import CPU, ResultsDiffer
from benchmarks.timing import time_once


@pytest.fixture(scope='module')
def job(tmp_path_factory):
    """Two small scenes in the layout of CamVid."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, 'DATA_SETS', {'camvid': (48, 64)})
        folder = tmp_path_factory.mktemp('drawn')
        yield next(evaluation.drawn_jobs(folder, names=['camvid'], num_images=2))


def test_stock_config_has_nothing_of_ours(job):
    cfg = evaluation.stock_config(job)
    assert cfg.model.type == 'EncoderDecoder' and cfg.runner_type == 'Runner'
    assert cfg.test_evaluator.type == 'IoUMetric'
    loaders = [step.type for step in cfg.test_dataloader.dataset.pipeline[:2]]
    assert loaders == ['LoadImageFromFile', 'LoadAnnotations']
    assert not cfg.get('custom_hooks')


def test_our_config_is_fast(job):
    cfg = evaluation.our_config(job)
    assert cfg.model.type == 'LeanEncoderDecoder'
    assert [hook.type for hook in cfg.custom_hooks] == ['InferenceSpeedHook']


def test_both_processes_find_the_same_figures(job, tmp_path):
    case = next(evaluation.evaluation_cases(CPU, iter([job]), tmp_path))
    found = {}
    for role, contender in case.contenders.items():
        seconds = time_once(contender.run, CPU)
        found[role] = json.loads((tmp_path / 'run0' / f'{role}.json').read_text())
        assert seconds['total'] == found[role]['seconds'] > 0
        assert contender.peak_bytes(found[role]) < found[role]['process_bytes']
    assert case.compare(found['stock'], found['ours'])['percent'] <= 0.021
    assert case.figures['images'] == 2


def test_other_figures_are_noticed():
    stock = dict(figures=dict(mIoU=50.0, aAcc=80.0, mAcc=60.0))
    ours = dict(figures=dict(mIoU=50.1, aAcc=80.0, mAcc=60.0))
    with pytest.raises(ResultsDiffer, match='evaluation'):
        evaluation.compare_figures(stock, ours)


def test_a_job_of_a_user_names_missing_data(job):
    with pytest.raises(FileNotFoundError, match='nowhere'):
        evaluation.own_job(
            str(job.config), str(job.checkpoint), options=dict(data_root='nowhere')
        )


def test_a_failing_process_says_why(job, tmp_path):
    broken = tmp_path / 'broken.pth'
    torch.save(dict(state_dict={}), broken)
    broken.write_bytes(b'no checkpoint')
    wrong = evaluation.Job(**(vars(job) | dict(checkpoint=broken)))
    case = next(evaluation.evaluation_cases(CPU, iter([wrong]), tmp_path))
    with pytest.raises(RuntimeError, match='the evaluation of'):
        time_once(case.ours.run, CPU)
