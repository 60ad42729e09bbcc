"""The progress bar where the output is a file."""

from mmseg_deeplab.utils import progress


def test_a_log_file_gets_few_updates_and_the_end(monkeypatch, capsys):
    monkeypatch.setattr(progress, 'LINE_INTERVAL', 3600)
    with progress.Progress('predict', 400, unit='files') as bar:
        for _ in range(400):
            bar.advance()
    shown = capsys.readouterr().err.strip().split('\r')
    assert len(shown) == 2
    assert 'predict: 100%' in shown[-1] and '400/400' in shown[-1]
    assert ' files/s' in shown[-1]
