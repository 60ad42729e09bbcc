"""The benchmark from the command line."""

import json

import pytest
from training import ROOT, Server

BENCHMARK = ROOT / 'benchmarks' / 'run_benchmark.py'
TINY_CRF = ('--sizes', '3x32x64', '--noise', 0, '--num-iterations', 2)
COMMON = ('--quick', '--repeat', 1, '--threads', 1)


@pytest.mark.parametrize(
    ('name', 'options', 'rows'),
    [('crf', TINY_CRF, 1), ('ops', ('--only', 'confusion'), 2)],
)
def test_a_run_of_each_sub_command(server: Server, tmp_path, name, options, rows):
    log, document = tmp_path / 'log', tmp_path / 'doc.md'
    marks = (f'<!-- table benchmark {name}: {end} -->' for end in ('start', 'end'))
    document.write_text('\n'.join(marks))
    options = (*options, *COMMON, '--out', tmp_path, '--document', document)
    assert server.run(BENCHMARK, name, *options, log=log) == 0, log.read_text()
    result = json.loads((tmp_path / f'{name}.json').read_text())
    assert len(result['rows']) == rows
    assert result['machine']['threads'] == 1
    assert result['command'].startswith(f'python tools/benchmark.py {name} ')
    assert f'images/benchmark_{name}.png' in document.read_text()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (('crf', '--sizes', 'large'), "error: size 'large'"),
        (('ops', '--device', 'tpu'), 'error: device must be'),
    ],
)
def test_wrong_arguments_end_in_one_line(server: Server, tmp_path, options, message):
    log = tmp_path / 'log'
    assert server.run(BENCHMARK, *options, log=log) == 1
    assert log.read_text().splitlines()[-1].startswith(message)
    assert 'Traceback' not in log.read_text()
