"""Names, switches and loading of the models."""

import pytest

from mmseg_deeplab.inference import ModelSource
from mmseg_deeplab.web_demo import DemoModel, open_models
from mmseg_deeplab.web_demo.demo_models import Choice, model_names


@pytest.mark.parametrize(
    ('sources', 'names'),
    [
        ([('c/a.py', 'w/1.pth'), ('c/b.py', 'w/1.pth')], ['a', 'b']),
        ([('c/a.py', 'w/1.pth'), ('c/a.py', 'w/2.pth')], ['a (1.pth)', 'a (2.pth)']),
        ([('a.py', 'v/1.pth'), ('a.py', 'w/1.pth')], ['a (v/1.pth)', 'a (w/1.pth)']),
        ([(None, 'w/a.onnx'), ('c/b.py', 'w/1.pth')], ['a', 'b']),
    ],
)
def test_the_shortest_names_that_differ(sources, names):
    assert model_names([ModelSource(*source) for source in sources]) == names


def test_a_model_given_twice_and_no_model_are_refused():
    with pytest.raises(ValueError, match=r'a \(1.pth\) is given twice'):
        model_names([ModelSource('a.py', '1.pth')] * 2)
    with pytest.raises(ValueError, match='at least one model'):
        model_names([])


def test_an_exported_file_has_no_switches():
    model = DemoModel('a', ModelSource(None, 'a.onnx'))
    assert model.why_no_crf == model.why_no_tta == 'not with an exported file'
    assert model.choose(crf=True, tta=True) == Choice('a')


@pytest.mark.parametrize(
    ('segmentor', 'crf', 'why_not'),
    [
        ('CascadeEncoderDecoder', None, '--crf needs EncoderDecoder'),
        ('LeanEncoderDecoder', dict(type='DenseCRF'), ''),
    ],
)
def test_a_config_tells_its_switches(tmp_path, segmentor, crf, why_not):
    path = tmp_path / 'a.py'
    path.write_text(f'model = dict(type={segmentor!r}, crf={crf})')
    model = DemoModel('a', ModelSource(str(path), 'a.pth'))
    assert model.crf == (crf is not None)  # on at first
    assert why_not in model.why_no_crf and bool(why_not) == bool(model.why_no_crf)
    assert 'tta_pipeline' in model.why_no_tta


def test_weights_are_loaded_once_for_each_setting(models):
    load = next(iter(models.values())).predictor
    assert load(crf=True, tta=False) is load(crf=True, tta=False)
    assert load(crf=True, tta=False) is not load(crf=False, tta=False)


def test_a_missing_checkpoint_shows_at_the_start(sources, tmp_path):
    missing = ModelSource(sources[0].config, str(tmp_path / 'none.pth'))
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        open_models([missing])
