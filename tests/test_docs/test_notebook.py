"""docs/first_steps.ipynb, from the first cell to the last, with a local model."""

import json

import pytest
from doc_pages import ROOT
from doc_sandbox import CHECKPOINT, Sandbox

from mmseg_deeplab.checkpoints.model_zoo import zoo_model

MODEL = 'deeplabv3plus_r101_cityscapes'
# In place of a download and of minutes.
REPLACED = {
    MODEL: CHECKPOINT,
    'street.jpg': 'image.png',
    '/ photo': "/ 'image.jpg'",  # the overlay of a PNG
    "'deeplabv3_mobilenetv2_folder'": "'configs/deeplabv3_mobilenetv2_folder.py'",
    '=200': '=2',
    '_200': '_2',
    '=100': '=2',
    '--num-train 48': '--num-train 4',
    'batch_size=8': 'batch_size=2',
}


def code_cells() -> list[str]:
    """Return the code of the notebook without its first cell, which installs."""
    notebook = json.loads((ROOT / 'docs' / 'first_steps.ipynb').read_text('utf-8'))
    cells = [c for c in notebook['cells'] if c['cell_type'] == 'code']
    assert not any(cell['outputs'] for cell in cells)
    first, *others = [''.join(cell['source']) for cell in cells]
    assert first.startswith('!pip install ')
    return others


def test_its_model_is_one_of_the_zoo():
    assert f"model = '{MODEL}'" in code_cells()[0]
    assert zoo_model(MODEL).unsupported is None


@pytest.mark.slow
def test_its_cells_run(sandbox: Sandbox, monkeypatch):
    monkeypatch.chdir(sandbox.folder)
    names: dict[str, object] = {}
    for cell in code_cells():
        for old, new in REPLACED.items():
            cell = cell.replace(old, new)
        if cell.startswith('!'):
            command = cell.removeprefix('!').replace('\\\n', ' ')
            sandbox.run(command.format(**names))
        else:
            exec(cell, names)
    assert names['mask'].shape == (64, 96)
    assert len(list((sandbox.folder / 'predicted/labels').rglob('*.png'))) == 8
    assert (sandbox.folder / 'mine.onnx').is_file()
