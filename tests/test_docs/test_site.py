"""The site: it builds without a warning, alone, and documents what is public."""

import importlib
import inspect
import re
import shutil
from pathlib import Path

import pytest
from doc_pages import ROOT
from mkdocs.commands.build import build
from mkdocs.config import load_config
from playwright.sync_api import expect, sync_playwright

pytestmark = pytest.mark.slow
# What a browser fetches by itself.
FETCHED = re.compile(
    r'<(?:script|img|iframe)[^>]*\ssrc="([^"]*)"|<link[^>]*\shref="([^"]*)"'
)


@pytest.fixture(scope='module')
def site(tmp_path_factory) -> Path:
    """Return the folder of the built site; a warning stops the build.

    One is a page that the menu lacks.
    """
    folder = tmp_path_factory.mktemp('site')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        cfg = load_config(str(ROOT / 'mkdocs.yml'), site_dir=str(folder), strict=True)
        build(cfg)
    return folder


def test_pages_fetch_nothing_from_another_host(site):
    for path in site.rglob('*.html'):
        for groups in FETCHED.findall(path.read_text('utf-8')):
            assert not re.match(r'(https?:)?//', ''.join(groups)), path


LAYERS = sorted(
    path.parent.name
    for path in (ROOT / 'mmseg_deeplab').glob('*/__init__.py')
    if path.parent.name not in ('cli', 'utils')
)


@pytest.mark.parametrize('layer', LAYERS)
def test_public_names_are_documented(site, layer):
    page = (site / 'api' / f'{layer}.html').read_text('utf-8')
    module = importlib.import_module(f'mmseg_deeplab.{layer}')
    for name in getattr(module, '__all__', ()):
        item = getattr(module, name)
        if inspect.isclass(item) or inspect.isfunction(item):
            assert f'id="{item.__module__}.{item.__qualname__}"' in page, name


@pytest.mark.parametrize('name', ['ops', 'models', 'engine', 'datasets'])
def test_no_reStructuredText_is_left(site, name):
    page = (site / 'api' / f'{name}.html').read_text('utf-8')
    assert not re.search(r':(func|class|meth|mod|data|attr):|``|&gt;`_', page)


def test_search_works_in_pages_opened_from_the_disk(site):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which('chromium'), args=['--no-sandbox']
        )
        page = browser.new_page()
        page.set_default_timeout(180_000)  # milliseconds; the machine may be busy
        page.goto((site / 'index.html').as_uri())
        page.click('.md-search__input')
        page.keyboard.type('permutohedral')
        found = page.locator('.md-search-result__item').first
        expect(found).to_contain_text('permutohedral', timeout=180_000)
        browser.close()
