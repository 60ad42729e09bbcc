"""Turns, ratios, memory and tables of the benchmarks."""

import json
import sys
from argparse import Namespace
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest
import torch
from local import call

from benchmarks.__main__ import STUDIES, build_parser, run_study
from benchmarks.case import CPU, Case, ResultsDiffer, Study
from benchmarks.gpu import PARTS, TESTS_LIMIT, blank_page, run_part
from benchmarks.measure import measure, peak_memory, take_turns
from benchmarks.report import columns_of, write_into
from mmseg_deeplab.utils.errors import InputError

MEGABYTE = 1 << 20
SHORT = dict(seconds=1e-6, rounds=2)


def must_be_equal(one, other):
    if one != other:
        raise ResultsDiffer('constants')
    return dict(error=0.0)


def constant_case(stock: float = 1.0, ours: float = 1.0) -> Case:
    """Return a case of two constants."""
    return Case('group', 'name', lambda: ours, lambda: stock, must_be_equal)


def test_functions_take_turns_and_every_other_round_goes_backwards():
    order = []
    runs = {name: lambda name=name: order.append(name) for name in 'ab'}
    found = take_turns(runs, seconds=1e-6, rounds=3)
    turns = [name for name, _ in groupby(order)]
    assert turns == ['a', 'b', 'a', 'b']  # a b, b a, a b
    assert [len(rounds) for rounds in found.values()] == [3, 3]


def test_the_multiply_adds_of_stock_are_counted():
    x = torch.ones(3, 5)
    case = Case('', '', lambda: 0, lambda: x @ x.T, lambda *_: {})
    row = measure(case, rate=90.0, **SHORT)
    assert row['multiply_adds'] == 3 * 5 * 3
    share = 0.5 / row['ours']['seconds']['median']
    assert row['fraction_of_limit'] == pytest.approx(share)


def test_functions_in_other_processes_report_time_and_memory():
    times = iter([4.0, 1.0, 2.0, 1.0])

    def run() -> dict:
        return dict(seconds=next(times), peak_bytes=7)

    case = Case('', '', run, run, lambda *_: {}, measures_itself=True)
    row = measure(case, rounds=2)
    assert row['ours']['peak_bytes'] == 7 and row['memory_ratio'] == 1
    assert row['stock']['rounds'] == [4, 2] and row['ours']['rounds'] == [1, 1]


HELD_AT_A_TIME = """
import torch
from benchmarks.measure import peak_memory
from mmseg_deeplab.utils.errors import InputError

def function():
    for _ in range(2):
        torch.ones(12 * 2**20).sum()
    return torch.ones(4 * 2**20)

print(peak_memory(function, torch.device('cpu'))[1])
"""


@pytest.mark.slow
def test_peak_memory_counts_what_is_held_at_a_time(root):
    """Two tensors of 48 MB one after the other, then one of 16 MB that is returned."""
    output = call(sys.executable, '-W', 'ignore', '-c', HELD_AT_A_TIME, cwd=root)
    peak = int(output.stdout.split()[-1])
    assert peak == pytest.approx(48 * MEGABYTE, abs=4 * MEGABYTE)


def test_peak_memory_counts_memory_that_is_used_again():
    for _ in range(2):
        _, peak = peak_memory(lambda: np.ones(4 * MEGABYTE).sum(), CPU)
        assert peak == pytest.approx(32 * MEGABYTE, abs=4 * MEGABYTE)


def test_a_document_changes_between_its_marks_alone(tmp_path):
    document = tmp_path / 'doc.md'
    start, end = '<!-- table t: start -->', '<!-- table t: end -->'
    document.write_text(f'before\n{start}\nold\n{end}\nafter\n')
    write_into(document, 't', 'new')
    assert document.read_text() == f'before\n{start}\n\nnew\n\n{end}\nafter\n'
    with pytest.raises(ValueError, match='add them'):
        write_into(document, 'other', 'new')


def test_a_case_whose_results_differ_has_a_row_and_the_others_go_on(
    tmp_path, monkeypatch
):
    cases = constant_case(), constant_case(2.0), constant_case()
    columns = columns_of(('group', 'name'), {})
    study = Study('', columns, dict(a=cases), {}, lambda cases, *_: iter(cases), 'vw')
    monkeypatch.setitem(STUDIES, 'mine', study)
    monkeypatch.setattr('benchmarks.measure.MATRIX_SIZE', {'cpu': 64})
    options = dict(command='mine', only=None, variants=None, quick=False, threads=None)
    options |= dict(device='cpu', out=tmp_path, name=None, document=None, **SHORT)
    with pytest.raises(InputError, match='1 cases differ'):
        run_study(Namespace(**options))
    rows = json.loads((tmp_path / 'mine.json').read_text())['rows']
    assert [row['ratio'] is None for row in rows] == [False, True, False]
    assert '| group | name: **constants' in (tmp_path / 'mine.md').read_text()


def test_a_part_of_make_gpu_that_breaks_or_hangs_costs_its_rows_only(tmp_path):
    log = tmp_path / 'log'
    assert run_part(['-c', 'print(1)'], log, 60).startswith('ended')
    assert log.read_text() == '1\n'
    assert run_part(['-c', 'raise SystemExit(3)'], log, 60).startswith('FAILED (3)')
    slow = ['-c', 'import time; time.sleep(60)']
    assert run_part(slow, log, 0.5).startswith('stopped')


def test_the_page_of_make_gpu_has_a_place_for_each_part(tmp_path):
    page = tmp_path / 'page.md'
    page.write_text(blank_page())
    for name, (options, _) in PARTS.items():
        write_into(page, f'benchmark {name}_cuda', name)
        build_parser().parse_args([*options, '--name', name, '--device', 'cuda'])
    assert sum(limit for _, limit in PARTS.values()) + TESTS_LIMIT <= 480


def test_each_column_of_every_study_gives_a_text():
    facts = dict.fromkeys(('noise', 'points_per_pixel', 'images', 'value', 'pixels'), 4)
    for role in ('stock', 'ours'):
        facts |= {f'{role}_process_bytes': 2e6, f'{role}_mIoU': 1.0}
    errors = dict(same_labels=1.0, mean_difference=0.0, other_labels=0.0)
    row = measure(replace(constant_case(), facts=facts), seconds=1e-6, rounds=1)
    row['errors'] = errors
    for name, study in STUDIES.items():
        for column, cell in study.columns.items():
            assert isinstance(cell(row), str), (name, column)
