"""ONNX Runtime is never imported with its telemetry on."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / 'mmseg_deeplab/utils/onnx_runtime.py'


def names(tree: ast.AST) -> set[str]:
    """Return what a module imports, and all that it names in plain strings."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or '')
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)
    return {name for name in found if name.split('.')[0] == 'onnxruntime'}


def test_no_other_module_imports_it():
    found = {
        path.relative_to(ROOT).as_posix(): names(ast.parse(path.read_text('utf-8')))
        for folder in ('mmseg_deeplab', 'tools')
        for path in (ROOT / folder).rglob('*.py')
        if path != OWN
    }
    assert len(found) > 100
    assert {path: names for path, names in found.items() if names} == {}


@pytest.mark.parametrize('first', ['inference.exported', 'export.export_formats'])
def test_telemetry_is_off_before_it_is_imported(first):
    """What exports or reads a file turns it off, and does not import it by itself."""
    code = (
        f'import os, sys; import mmseg_deeplab.{first}; '
        'assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"; '
        'assert "onnxruntime" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', code], check=True, cwd=ROOT)
