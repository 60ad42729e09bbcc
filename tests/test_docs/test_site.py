"""The site: it builds without a warning, alone, and documents what is public."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
from doc_pages import ROOT
from mkdocs.commands.build import build
from mkdocs.config import load_config

PACKAGES = [
    'apis',
    'apis.browse',
    'apis.crf_tuning',
    'apis.export',
    'apis.inference',
    'apis.plots',
    'apis.publish',
    'apis.refinement_table',
    'apis.web_demo',
    'checkpoints',
    'datasets',
    'engine',
    'evaluation',
    'models',
    'ops',
]
# What a browser fetches by itself.
FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]*\ssrc="([^"]*)"|<link[^>]*\shref="([^"]*)"'
)


@pytest.fixture(scope='module')
def site(tmp_path_factory) -> Path:
    """Return the folder of the built site; a warning stops the build."""
    folder = tmp_path_factory.mktemp('site')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        cfg = load_config(str(ROOT / 'mkdocs.yml'), site_dir=str(folder), strict=True)
        build(cfg)
    return folder


@pytest.mark.slow
def test_every_page_of_the_menu_is_there(site):
    pages = [path.relative_to(ROOT / 'docs') for path in (ROOT / 'docs').rglob('*.md')]
    missing = [p for p in pages if not (site / p.with_suffix('.html')).is_file()]
    assert not missing


@pytest.mark.slow
def test_pages_fetch_nothing_from_another_host(site):
    for path in site.rglob('*.html'):
        for groups in FETCHED.findall(path.read_text('utf-8')):
            assert not re.match(r'(https?:)?//', ''.join(groups)), path


@pytest.mark.slow
@pytest.mark.parametrize('package', PACKAGES)
def test_public_names_are_documented(site, package):
    page = (site / 'api' / f'{package.split(".")[0]}.html').read_text('utf-8')
    module = importlib.import_module(f'mmseg_deeplab.{package}')
    items = {name: getattr(module, name) for name in module.__all__}
    for name, item in items.items():
        if inspect.isclass(item) or inspect.isfunction(item):
            own = f'id="{item.__module__}.{item.__qualname__}"'
            assert own in page or f'id="{module.__name__}.{name}"' in page, name


@pytest.mark.slow
@pytest.mark.parametrize('name', ['ops', 'models', 'engine', 'datasets'])
def test_no_reStructuredText_is_left(site, name):
    page = (site / 'api' / f'{name}.html').read_text('utf-8')
    assert not re.search(r':(func|class|meth|mod|data|attr):|``|&gt;`_', page)
