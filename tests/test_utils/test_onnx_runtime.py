"""ONNX Runtime is never imported with its telemetry on."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def importers(folder: str) -> dict[str, set[str]]:
    """Return what else the modules of a folder import of it, also by a name in text."""
    found = {}
    for path in sorted((ROOT / folder).rglob('*.py')):
        names = set()
        for node in ast.walk(ast.parse(path.read_text('utf-8'))):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or '')
            elif isinstance(node, ast.Call):  # import_module('onnxruntime')
                names |= {a.value for a in node.args if isinstance(a, ast.Constant)}
        found[path] = {n for n in names if str(n).split('.')[0] == 'onnxruntime'}
    return {path.name: names for path, names in found.items() if names}


@pytest.mark.parametrize('folder', ['mmseg_deeplab', 'tools', 'benchmarks', 'tests'])
def test_no_other_module_imports_it(folder):
    assert importers(folder) == {}


def test_importers_are_found(tmp_path, monkeypatch):
    monkeypatch.setattr(f'{__name__}.ROOT', tmp_path)
    for name, text in {
        'a.py': 'import onnxruntime.capi',
        'b.py': 'def f():\n    from onnxruntime import quantization',
        'c.py': "module = load('onnxruntime.quantization', extra=1)",
        'd.py': 'import onnx',
    }.items():
        (tmp_path / name).write_text(text)
    assert importers('.').keys() == {'a.py', 'b.py', 'c.py'}


def test_telemetry_is_off_before_it_is_imported():
    """What exports or reads a file imports this module and not ONNX Runtime."""
    code = (
        'import os, sys; import mmseg_deeplab.utils.onnx_runtime; '
        'assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"; '
        'assert "onnxruntime" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
