"""The layers of the package: which module may import which."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / 'mmseg_deeplab'
# From top to bottom, as docs/architecture.md draws them; imports run downwards only.
LAYERS = [
    'cli',
    'web_demo',
    'export',
    'crf_tuning',
    'hub',
    'visualization',
    'inference',
    'config',
    'engine',
    'datasets',
    'models',
    'evaluation',
    'checkpoints',
    'ops',
    'utils',
]
MODULES = {
    '.'.join(path.relative_to(ROOT).with_suffix('').parts).removesuffix('.__init__'): (
        path
    )
    for path in sorted(PACKAGE.rglob('*.py'))
}


def imports(name: str) -> Iterator[str]:
    """Yield the modules of this package that a module imports, lazily or not."""
    path = MODULES[name]
    package = name if path.name == '__init__.py' else name.rpartition('.')[0]
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split('.')[: len(package.split('.')) - node.level + 1]
            start = '.'.join(parents) if node.level else ''
            source = '.'.join(filter(None, (start, node.module)))
            for alias in node.names:
                found = f'{source}.{alias.name}'
                yield from {found, source} & MODULES.keys() - {name}


def layer_of(name: str) -> str | None:
    """Return the layer of a module; None for those of the package itself."""
    parts = name.split('.')
    return parts[1] if len(parts) > 1 and parts[1] in LAYERS else None


def test_every_folder_is_a_layer() -> None:
    folders = {
        path.name for path in PACKAGE.iterdir() if (path / '__init__.py').exists()
    }
    assert folders == set(LAYERS)


@pytest.mark.parametrize('name', [name for name in MODULES if layer_of(name)])
def test_imports_run_downwards(name: str) -> None:
    upwards = [
        other
        for other in imports(name)
        if layer_of(other)
        and LAYERS.index(layer_of(other)) < LAYERS.index(layer_of(name))
    ]
    assert not upwards, f'{name} imports from a higher layer: {upwards}'


def test_no_modules_import_each_other_in_a_circle() -> None:
    arrows = {
        # A package's own __init__ hands out the names of its modules: no arrow back.
        name: {other for other in imports(name) if not name.startswith(f'{other}.')}
        for name in MODULES
    }
    while leaves := [name for name, others in arrows.items() if not others]:
        for leaf in leaves:
            del arrows[leaf]
        for others in arrows.values():
            others.difference_update(leaves)
    assert not arrows, f'in circles, or above one: {sorted(arrows)}'


def test_a_file_name_occurs_once() -> None:
    names = Counter(path.name for path in MODULES.values())
    twice = [name for name, count in names.items() if count > 1]
    assert twice == ['__init__.py']
