"""From real runs on the command line to their plots."""

import json
from pathlib import Path

import pytest
from drawn import is_plot
from training import ROOT, TEST, Server, assert_all_ended_well, start_ranks

REPORT = ROOT / 'tools' / 'report.py'


def options(report_file: Path | None = None) -> list[str]:
    """Return the options for three widths on five images."""
    found = ['test_evaluator.trimap_widths=1,2,5', 'test_dataloader.dataset.indices=5']
    if report_file is not None:
        found.append(f'test_evaluator.report_file={report_file}')
    return ['--cfg-options', *found]


@pytest.mark.slow
def test_the_curve_of_two_evaluations(server: Server, command, one_step, tmp_path):
    """One process and two, whose sampler repeats an image, have the same trimap."""
    one, two = tmp_path / 'one.json', tmp_path / 'new' / 'two.json'
    test = (TEST, *one_step, '--work-dir', tmp_path / 'test')
    log = tmp_path / 'log'
    assert server.run(*test, *options(one), log=log) == 0, log.read_text()
    assert_all_ended_well(start_ranks(server, tmp_path, *test, *options(two)))
    first, second = json.loads(one.read_text()), json.loads(two.read_text())
    assert first == second
    assert first['trimap']['widths'] == [1, 2, 5]
    assert first['metrics']['trimap5_mIoU'] == first['trimap']['mIoU'][2]
    curve = tmp_path / 'curve.png'
    command('plot', 'trimap', one, two, '--out', curve)
    assert is_plot(curve)


def test_the_report_shows_the_trimap(server: Server, command, one_step, tmp_path):
    log = tmp_path / 'log'
    arguments = (*one_step, '--out', tmp_path, '--num-scenes', 1, *options())
    assert server.run(REPORT, *arguments, log=log) == 0, log.read_text()
    trimap = json.loads((tmp_path / 'metrics.json').read_text())['trimap']
    last = (tmp_path / 'metrics.txt').read_text().splitlines()[-1].split()
    assert last == ['5', *(f'{trimap[n][2]:.2f}' for n in ('mIoU', 'aAcc')), last[3]]
    assert is_plot(tmp_path / 'trimap.png')
    for plot in ('classes', 'confusion'):
        out = tmp_path / f'{plot}.svg'
        command('plot', plot, tmp_path, '--out', out)
        assert is_plot(out)


def test_the_curves_of_a_training(command, one_step, tmp_path):
    out = tmp_path / 'curves.pdf'
    options = ('--names', 'loss', 'lr', '--smoothing', 0.5, '--out', out)
    printed = command('plot', 'curves', one_step[1].parent, *options)
    assert is_plot(out) and printed.splitlines()[-1] == str(out)
