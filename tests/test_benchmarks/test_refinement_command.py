"""tools/refinement_table.py: every row against tools/test.py."""

import json
import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from training import ROOT, TEST, Server, train_here

TABLE = str(ROOT / 'tools' / 'refinement_table.py')
STREETS = ROOT / 'configs' / 'deeplabv2_r26_synthetic_streets.py'
SMALL = {
    f'{split}_dataloader.{key}': value
    for split in ('train', 'val', 'test')
    for key, value in {
        'dataset.num_images': 6,
        'dataset.size': (48, 96),
        'num_workers': 0,
        'persistent_workers': False,
    }.items()
}
WIDTHS = (1, 5)


def as_options(options: dict) -> list[str]:
    """Return options as the command line takes them."""
    return [f'{key}={value}'.replace(' ', '') for key, value in options.items()]


@pytest.fixture(scope='module')
def table(server: Server, tmp_path_factory) -> tuple[Path, Path, Path]:
    """Return a checkpoint, a CRF fragment, and the folder of a whole run."""
    folder = tmp_path_factory.mktemp('table')
    options = {key.replace('.', '__'): value for key, value in SMALL.items()}
    train_here(
        STREETS, folder, train_cfg__max_iters=20, train_cfg__val_interval=100,
        default_hooks__checkpoint__interval=20,
        model__data_preprocessor__size=(48, 96), **options,
    )  # fmt: skip
    checkpoint, tuned = folder / 'iter_20.pth', folder / 'tuned.py'
    tuned.write_text("crf = dict(type='DenseCRF', bilateral_xy=12, bilateral_rgb=8)")
    document = folder / 'doc.md'
    document.write_text('a\n<!-- table mine: start -->\n<!-- table mine: end -->\nb\n')
    code = server.run(
        TABLE, STREETS, checkpoint, '--tuned', tuned, '--rows', 1, '--device', 'cpu',
        '--work-dir', folder / 'out', '--document', document, '--name', 'mine',
        '--trimap-widths', *WIDTHS, '--cfg-options', *as_options(SMALL),
        log=folder / 'log',
    )  # fmt: skip
    assert code == 0, (folder / 'log').read_text()
    return checkpoint, tuned, folder


@pytest.mark.parametrize(
    ('name', 'multi_scale', 'crf'),
    [
        ('plain', False, []),
        ('CRF', False, ['--crf']),
        ('MSC + CRF, tuned', True, ['--crf', 'tuned']),
    ],
)
def test_a_row_is_what_the_test_tool_says(
    server: Server, table, tmp_path, name, multi_scale, crf
):
    checkpoint, tuned, folder = table
    options = {
        **SMALL,
        'test_evaluator.trimap_widths': WIDTHS,
        'test_evaluator.report_file': tmp_path / 'report.json',
    }
    if multi_scale:
        options['model.type'] = 'MultiScaleEncoderDecoder'
    crf = [tuned if part == 'tuned' else part for part in crf]
    code = server.run(
        TEST, STREETS, checkpoint, '--work-dir', tmp_path, *crf,
        '--cfg-options', *as_options(options), log=tmp_path / 'log',
    )  # fmt: skip
    assert code == 0, (tmp_path / 'log').read_text()
    expected = json.loads((tmp_path / 'report.json').read_text())
    rows = json.loads((folder / 'out' / 'table.json').read_text())['variants']
    row = next(row for row in rows if row['variant']['name'] == name)
    found = np.array(row['report']['confusion'])
    # Scores that float rounding alone tells apart may fall either way.
    assert abs(found - expected['confusion']).sum() <= 4
    for figures in ('figures', 'trimap'):
        assert row['report'][figures]['mIoU'] == pytest.approx(
            expected[figures]['mIoU'], abs=0.05
        )


def test_the_variants_differ(table):
    *_, folder = table
    rows = json.loads((folder / 'out' / 'table.json').read_text())['variants']
    assert len({str(row['report']['confusion']) for row in rows}) == len(rows) == 5
    assert {len(row['accuracies']) for row in rows} == {6}


def test_document_and_pictures(table):
    *_, folder = table
    document = (folder / 'doc.md').read_text()
    lines = (folder / 'out' / 'table.md').read_text().splitlines()
    assert document.startswith('a\n<!-- table mine: start -->\n\n' + lines[0])
    assert re.search(r'^\| MSC \+ CRF, tuned \| \d', document, re.MULTILINE)
    sheet = np.asarray(Image.open(folder / 'out' / 'sheet.png').convert('RGB'))
    assert sheet.shape[1] > 5 * 320  # five columns
    assert len(np.unique(sheet.reshape(-1, 3), axis=0)) > 100
    assert (folder / 'out' / 'trimap.png').read_bytes().startswith(b'\x89PNG')


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        (['--tuned', 'none.py'], "CRF fragment 'none.py' does not exist"),
        (['--num-images', '7'], 'num_images=7: the test split has 6'),
        (['--classes', 'moon'], r"no classes of this data set: \['moon'\]"),
        (['--trimap-widths', '5', '1'], 'trimap_widths must increase'),
    ],
)
def test_a_mistake_is_one_line(table, monkeypatch, tmp_path, argv, message):
    argv = [TABLE, str(STREETS), str(table[0]), '--work-dir', str(tmp_path), *argv]
    monkeypatch.setattr(sys, 'argv', [*argv, '--cfg-options', *as_options(SMALL)])
    # The tool sets it for good, which later tests of this process must not see.
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
    with pytest.raises(SystemExit, match=f'^error: .*{message}'):
        runpy.run_path(TABLE, run_name='__main__')
