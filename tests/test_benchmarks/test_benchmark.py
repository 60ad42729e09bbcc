"""Turns, ratios, memory, limits, reports, and a tiny run of each benchmark."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import (
    CRF_COLUMNS,
    OPERATOR_COLUMNS,
    OPERATORS,
    Settings,
    crf_cases,
    operator_cases,
    run_benchmark,
    write_report,
)
from benchmarks import crf as crf_module
from benchmarks import limits as limits_module
from benchmarks.case import CPU, Case, Contender, ResultsDiffer, Work
from benchmarks.crf_inputs import noisy_scene, parse_size, smooth_probabilities
from benchmarks.limits import Limits, measure_limits
from benchmarks.machine import describe_machine, machine_text
from benchmarks.measure import measure
from benchmarks.memory import peak_memory
from benchmarks.pydensecrf import load_pydensecrf
from benchmarks.report import digits, markdown
from benchmarks.timing import Stopwatch, alternate, ratio, summary

MEGABYTE = 1 << 20
TINY = dict(
    summed_atrous_conv=((1, 8, 3, (9, 7)),),
    upsample_cross_entropy=((2, 3, (5, 6), (17, 24)),),
    upsample_argmax=((3, (5, 6), (17, 24)),),
    confusion=((3, (40, 36)),),
)


@pytest.fixture(autouse=True)
def small_limits(monkeypatch):
    """Measure the machine's limits by small products and copies."""
    monkeypatch.setattr(limits_module, 'GEMM_SIZE', {'cpu': 64})
    monkeypatch.setattr(limits_module, 'COPY_BYTES', {'cpu': MEGABYTE})


@pytest.fixture
def tiny_shapes(monkeypatch):
    """Give every operator a shape of microseconds."""
    for name, shapes in TINY.items():
        monkeypatch.setattr(OPERATORS[name], 'SHAPES', shapes)


def turns(**settings) -> list[str]:
    """Return the order in which two functions were called."""
    order = []
    runs = {name: lambda _, name=name: order.append(name) for name in 'ab'}
    alternate(runs, dict.fromkeys(runs, CPU), **settings)
    return order


def constant_case(stock: float = 1.0, ours: float = 1.0) -> Case:
    """Return a case of two constants that must be equal."""

    def compare(one, other):
        if one != other:
            raise ResultsDiffer('constants')
        return dict(error=0.0)

    return Case(
        group='constant',
        name='1',
        stock=Contender('stock', lambda _: stock),
        ours=Contender('ours', lambda _: ours),
        compare=compare,
        work=Work(10, 10),
    )


def test_functions_take_turns_and_every_other_round_goes_backwards():
    assert turns(repeat=3, seconds=0) == ['a', 'b', 'b', 'a', 'a', 'b']


@pytest.mark.parametrize(('seconds', 'rounds'), [(1e-9, 2), (1e3, 7)])
def test_rounds_fit_into_the_time(seconds, rounds):
    assert len(turns(repeat=None, seconds=seconds)) == 2 * rounds


def test_phases_are_parts_of_the_total():
    def run(watch: Stopwatch) -> None:
        for name in ('building', 'iterations'):
            with watch.phase(name):
                sum(range(20000))

    times = alternate({'ours': run}, {'ours': CPU}, repeat=2, seconds=1)['ours']
    assert set(times) == {'building', 'iterations', 'total'}
    for first, second, total in zip(*(times[n] for n in sorted(times)), strict=True):
        assert first > 0 and second > 0 and first + second <= total


def test_a_total_set_by_the_run_is_kept():
    def run(watch: Stopwatch) -> None:
        watch.seconds['total'] = 5.0

    assert alternate(dict(a=run), dict(a=CPU), repeat=1, seconds=1)['a'] == dict(
        total=[5.0]
    )


def test_a_job_in_another_process_reports_its_own_peak():
    case = constant_case()
    ours = Contender('ours', lambda _: 1.0, peak_bytes=lambda result: int(7 * result))
    row = measure(replace(case, ours=ours), Settings(repeat=1), Limits(1.0, 1.0))
    assert row['ours']['peak_bytes'] == 7


def test_ratio_of_medians_and_range_of_rounds():
    found = ratio([4.0, 6.0, 9.0], [2.0, 1.0, 3.0])
    assert found == dict(median=3.0, min=2.0, max=6.0)


def test_summary():
    expected = dict(median=2.5, min=1.0, max=4.0, samples=[4.0, 1.0])
    assert summary([4.0, 1.0]) == expected


HELD_AT_A_TIME = """
import torch

from benchmarks.memory import peak_memory


def function():
    for _ in range(2):
        torch.ones(12 * 2**20).sum()
    return torch.ones(4 * 2**20)


print(peak_memory(function, torch.device('cpu'))[1])
"""


def test_peak_memory_counts_what_is_held_at_a_time():
    """Two tensors of 48 MB one after the other, then one of 16 MB that is returned.

    In a process of its own, as the benchmarks run: in one that has run thousands of
    tests, other libraries' threads allocate, too.
    """
    run = [sys.executable, '-W', 'ignore', '-c', HELD_AT_A_TIME]
    output = subprocess.run(run, check=True, capture_output=True, text=True).stdout
    peak = int(output.split()[-1])
    assert peak == pytest.approx(48 * MEGABYTE, abs=4 * MEGABYTE)


def test_peak_memory_counts_memory_that_is_used_again() -> None:
    kept = np.ones(MEGABYTE)
    for _ in range(2):
        _, peak = peak_memory(lambda: np.ones(4 * MEGABYTE).sum() + kept[0], CPU)
        assert peak == pytest.approx(32 * MEGABYTE, abs=4 * MEGABYTE)


def test_limit_is_the_slower_of_computing_and_moving():
    limits = Limits(multiply_adds=100.0, bandwidth=10.0)
    assert limits.least_seconds(Work(multiply_adds=200, bytes=10)) == 2
    assert limits.least_seconds(Work(multiply_adds=200, bytes=50)) == 5


def test_limits_are_those_of_a_machine():
    limits = measure_limits(CPU, repeat=2)
    assert 1e7 < limits.multiply_adds < 1e15 and 1e7 < limits.bandwidth < 1e14


def test_machine_is_described():
    machine = describe_machine(CPU)
    assert machine['threads'] == torch.get_num_threads() and machine['cores'] >= 1
    text = machine_text(machine)
    assert f'PyTorch {torch.__version__}' in text and machine['cpu'] in text


def test_row_holds_both_sides_and_the_fraction_of_the_limit():
    row = measure(constant_case(), Settings(repeat=3), Limits(10.0, 1.0))
    ours, stock = (row[role]['seconds']['total'] for role in ('ours', 'stock'))
    assert len(ours['samples']) == len(stock['samples']) == 3
    assert row['ratio']['median'] == stock['median'] / ours['median']
    assert row['fraction_of_limit'] == pytest.approx(10 / ours['median'])
    assert row['errors'] == dict(error=0.0)


def test_results_that_differ_are_not_timed():
    with pytest.raises(ResultsDiffer):
        measure(constant_case(ours=2.0), Settings(repeat=1), Limits(1.0, 1.0))


@pytest.mark.parametrize('name', list(OPERATORS))
def test_a_tiny_run_of_each_operator(name, tiny_shapes):
    cases = operator_cases(CPU, only=[name])
    found = run_benchmark('ops', cases, Settings(repeat=1), command='', say=str)
    assert found['rows']
    for row in found['rows']:
        assert row['ratio']['median'] > 0 and max(row['errors'].values()) < 1e-3
        cells = [cell(row) for cell in OPERATOR_COLUMNS.values()]
        assert all(cells)


def test_wrong_gradients_are_found(tiny_shapes, monkeypatch):
    module = OPERATORS['summed_atrous_conv']
    plain = module.plain_summed_atrous_conv2d
    monkeypatch.setattr(
        module, 'summed_atrous_conv2d', lambda x, *a: plain(x + 1e-2, *a)
    )
    case = list(module.cases(CPU))[1]
    with pytest.raises(ResultsDiffer, match='summed_atrous_conv2d'):
        measure(case, Settings(repeat=1), Limits(1.0, 1.0))


@pytest.fixture(scope='module')
def crf_result() -> dict:
    """Return a CRF benchmark of two sizes and two levels of noise."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits_module, 'GEMM_SIZE', {'cpu': 64})
        patch.setattr(limits_module, 'COPY_BYTES', {'cpu': MEGABYTE})
        cases = crf_cases(CPU, sizes=['4x40x64', '3x32x64'], noise=[5, 0])
        return run_benchmark(
            'crf', cases, Settings(repeat=1), command='the command', say=str
        )


def test_a_tiny_run_of_the_crf(crf_result):
    names = [row['name'] for row in crf_result['rows']]
    assert names == [
        '4 x 40 x 64, noise 5',
        '4 x 40 x 64, noise 0',
        '3 x 32 x 64, noise 5',
    ]
    points = [r['figures']['lattice_points_per_pixel'] for r in crf_result['rows']]
    assert points[0] > points[1] > 0
    for row in crf_result['rows']:
        assert set(row['ours']['seconds']) == {'building', 'iterations', 'total'}


@pytest.mark.skipif(load_pydensecrf() is None, reason='pydensecrf is not installed')
def test_the_crf_agrees_with_pydensecrf(crf_result):
    for row in crf_result['rows']:
        assert row['errors']['same_labels'] > 0.97
        assert set(row['stock']['seconds']) == {'building', 'iterations', 'total'}


def test_without_pydensecrf_ours_alone_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(crf_module, 'load_pydensecrf', lambda: None)
    cases = crf_cases(CPU, sizes=['3x32x64'], noise=[0], num_iterations=2)
    result = run_benchmark('crf', cases, Settings(repeat=1), command='', say=str)
    text = write_report(result, CRF_COLUMNS, tmp_path)
    *_, heading, _, row = text.splitlines()
    cells = dict(zip(heading.split(' | '), row.split(' | '), strict=True))
    assert cells['times faster (range)'] == cells['same labels'] == '-'
    assert (tmp_path / 'crf.png').stat().st_size > 1000


def test_seconds_are_shown_for_a_gpu_alone(crf_result):
    heading = 'ours, s (building + iterations)'
    assert heading not in markdown(crf_result, CRF_COLUMNS)
    gpu = dict(crf_result['machine'], gpu='some GPU', cuda='0')
    assert heading in markdown(dict(crf_result, machine=gpu), CRF_COLUMNS)


def test_report_writes_json_markdown_and_png(crf_result, tmp_path):
    text = write_report(crf_result, CRF_COLUMNS, tmp_path / 'new', name='mine')
    assert json.loads((tmp_path / 'new' / 'mine.json').read_text()) == crf_result
    assert (tmp_path / 'new' / 'mine.md').read_text() == text + '\n'
    assert (tmp_path / 'new' / 'mine.png').read_bytes().startswith(b'\x89PNG')
    table = [line for line in text.splitlines() if line.startswith('|')]
    assert len(table) == 2 + 3
    assert len({line.count('|') for line in table}) == 1
    assert 'the command' in text


def test_report_goes_between_the_marks_of_a_document(crf_result, tmp_path):
    document = tmp_path / 'doc.md'
    marks = [f'<!-- table benchmark crf: {end} -->' for end in ('start', 'end')]
    document.write_text(f'before\n{marks[0]}\nold\n{marks[1]}\nafter\n')
    text = write_report(crf_result, CRF_COLUMNS, tmp_path / 'out', document=document)
    written = document.read_text()
    assert written.startswith('before\n') and written.endswith('after\n')
    assert text in written and 'old' not in written
    assert '(images/benchmark_crf.png)' in written
    assert (tmp_path / 'images' / 'benchmark_crf.png').is_file()


def test_document_without_marks(crf_result, tmp_path):
    document = tmp_path / 'doc.md'
    document.write_text('no marks\n')
    with pytest.raises(ValueError, match='benchmark crf: start'):
        write_report(crf_result, CRF_COLUMNS, tmp_path, document=document)


def test_missing_document(crf_result, tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.md'):
        write_report(crf_result, CRF_COLUMNS, tmp_path, document=tmp_path / 'none.md')


@pytest.mark.parametrize(
    ('value', 'text'), [(1234.6, '1235'), (99.94, '99.9'), (0.01234, '0.0123')]
)
def test_digits(value, text):
    assert digits(value) == text


def test_the_inputs_of_the_crf_are_the_same_each_time():
    assert np.array_equal(noisy_scene((32, 64), 9.0), noisy_scene((32, 64), 9.0))
    clean = noisy_scene((32, 64), 0.0).astype(float)
    noise = noisy_scene((32, 64), 9.0) - clean
    assert noise.std() == pytest.approx(9, rel=0.15)  # some of it is cut off at 0, 255
    scores = smooth_probabilities(5, (32, 64))
    assert torch.equal(scores, smooth_probabilities(5, (32, 64)))
    assert torch.allclose(scores.sum(1), torch.ones(1, 32, 64))


@pytest.mark.parametrize('text', ['21x375', '1x10x10', 'axbxc', '21x-3x5', ''])
def test_wrong_sizes(text):
    with pytest.raises(ValueError, match='CLASSESxHEIGHTxWIDTH'):
        parse_size(text)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(threads=0), 'threads must be at least 1'),
        (dict(repeat=0), 'repeat must be at least 1'),
        (dict(seconds=0), 'seconds must be above 0'),
        (dict(device='tpu'), "device must be 'cpu' or 'cuda'"),
    ],
)
def test_wrong_settings(wrong, message):
    with pytest.raises(ValueError, match=message):
        Settings(**wrong)


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_no_gpu():
    with pytest.raises(ValueError, match='sees no GPU'):
        Settings(device='cuda')


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(sizes=[]), 'at least one size'),
        (dict(sizes=['3x8x8']), r'\(8, 8\)'),
        (dict(sizes=['3x32x64'], noise=[-1.0]), 'noise must be at least 0'),
    ],
)
def test_wrong_crf_cases(wrong, message):
    with pytest.raises(ValueError, match=message):
        next(crf_cases(CPU, **wrong))


def test_unknown_operator():
    with pytest.raises(ValueError, match=r"no operator \['none'\]"):
        next(operator_cases(CPU, only=['none']))


def test_least_positions_by_brute_force():
    """Every tap of every branch that falls inside, counted once per place."""
    size = (20, 31)
    pairs = {
        (y, x, y + rate * i, x + rate * j)
        for y in range(size[0])
        for x in range(size[1])
        for rate in (6, 12, 18, 24)
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
    }
    inside = [p for p in pairs if 0 <= p[2] < size[0] and 0 <= p[3] < size[1]]
    assert OPERATORS['summed_atrous_conv'].least_positions(size) == len(inside)
