"""The page in a real browser, from an upload to the file on the visitor's disk."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from training import free_port

from mmseg_deeplab.inference import load_predictor, overlay
from mmseg_deeplab.web_demo import Limits, serving

pytestmark = pytest.mark.slow
NAMES = ('tiny (iter_30.pth)', 'tiny (iter_15.pth)')
PALETTE = np.array([[0] * 3, [9] * 3, [99] * 3], np.uint8)
SLOW = 180_000  # milliseconds; the machine may be busy
expect.set_options(timeout=SLOW)


@pytest.fixture(scope='module')
def served(models) -> Iterator[str]:
    """Yield the address of a page with two models and one example."""
    examples = {'grey.png': np.full((48, 96, 3), 90, np.uint8)}
    limits = Limits(megabytes=0.1, megapixels=0.02)
    with serving(models, examples=examples, limits=limits, port=free_port()) as page:
        yield page.local_url


@pytest.fixture(scope='module')
def browser() -> Iterator[BrowserContext]:
    """Yield a context of a headless Chromium, which keeps the page's scripts."""
    chromium = shutil.which('chromium') or shutil.which('google-chrome')
    if chromium is None and 'CI' not in os.environ:
        pytest.skip('there is no chromium')
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=['--no-sandbox']
        )
        yield browser.new_context()
        browser.close()


@pytest.fixture
def page(browser, served) -> Iterator[Page]:
    """Yield the page as a new visitor sees it; it asks no other server."""
    page = browser.new_page()
    page.set_default_timeout(SLOW)
    page.requests = []
    page.on('request', lambda request: page.requests.append(request.url))
    page.goto(served)
    expect(page.locator('#image input[type=file]')).to_be_attached()
    yield page
    page.close()
    own = (served, 'data:', 'blob:')
    assert [url for url in page.requests if not url.startswith(own)] == []


def upload(page: Page, path: Path) -> None:
    """Choose a file and wait for the result."""
    page.locator('#image input[type=file]').set_input_files(path)
    expect(page.locator('#labels-0')).to_be_visible()


def download(page: Page, button: str) -> Image.Image:
    """Click and return the file that arrives."""
    with page.expect_download() as download:
        page.locator(button).click()
    return Image.open(download.value.path())


def labels_of(source, path: Path, **options) -> np.ndarray:
    """Predict without the page."""
    image = cv2.imread(str(path))[..., ::-1]
    return load_predictor(source, **options).predict([image])[0].labels


def test_an_upload_is_painted_measured_and_downloaded(page, sources, image_file):
    upload(page, image_file)
    labels = labels_of(sources[0], image_file)
    shares = np.bincount(labels.ravel(), minlength=3) / labels.size
    wanted = [f'{"abc"[k]} {shares[k]:.1%}' for k in np.argsort(-shares) if shares[k]]
    assert page.locator('#classes-0 .legend button').all_inner_texts() == wanted
    file = download(page, '#labels-0')
    assert (np.asarray(file) == labels).all()
    assert (np.asarray(file.convert('RGB')) == PALETTE[labels]).all()
    page.locator('#opacity input[type=number]').fill('25')
    page.locator('#opacity input[type=number]').blur()
    image = cv2.imread(str(image_file))[..., ::-1]
    wanted = overlay(image, labels, PALETTE.tolist(), opacity=0.25)
    for _ in range(60):  # until it is painted anew
        page.wait_for_timeout(1000)
        found = np.asarray(download(page, '#overlay-0'))
        if (found == wanted).all():
            break
    assert (found == wanted).all()


def test_the_switch_runs_the_crf(page, sources, image_file):
    upload(page, image_file)
    page.get_by_label('CRF').first.check()
    expect(page.locator('#heading-0')).to_contain_text('CRF')
    labels = labels_of(sources[0], image_file, crf=True)
    assert (labels != labels_of(sources[0], image_file)).any()
    assert (np.asarray(download(page, '#labels-0')) == labels).all()


def upload_and_compare(page: Page, path: Path) -> None:
    """Choose a file and the second model, and wait for both results."""
    upload(page, path)
    page.get_by_label('Compare with').click()
    page.get_by_role('option', name=NAMES[1]).click()
    expect(page.locator('#heading-1')).to_contain_text(NAMES[1])


def test_two_models_side_by_side(page, sources, image_file):
    upload_and_compare(page, image_file)
    second = labels_of(sources[1], image_file)
    assert (np.asarray(download(page, '#labels-1')) == second).all()
    expect(page.locator('#comparison img')).to_have_count(2)


def test_an_example_is_one_click_away(page):
    page.locator('.gallery button').first.click()
    expect(page.locator('#heading-0')).to_contain_text('96 x 48 px')


@pytest.mark.parametrize(
    ('content', 'word'),
    [
        (b'not an image', 'bad.bmp'),
        (bytes(200_000), 'bad.bmp is too large. Up to 0.1 MB'),
        (b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n', 'EPS'),
    ],
)
def test_a_bad_file_is_told_and_the_page_lives(
    page, tmp_path, image_file, content, word
):
    upload(page, image_file)
    (tmp_path / 'bad.bmp').write_bytes(content)
    page.locator('#image input[type=file]').set_input_files(tmp_path / 'bad.bmp')
    toast = page.get_by_test_id('toast-body')
    expect(toast).to_contain_text(word)
    assert 'Traceback' not in toast.inner_text()
    expect(page.locator('#labels-0')).to_be_hidden()  # the old result
    page.reload()
    upload(page, image_file)


def test_a_click_keeps_a_class_alone_on_both_sides(page, image_file):
    upload_and_compare(page, image_file)
    button = page.locator('#classes-0 .legend-item').first
    name = button.inner_text().split()[0]
    for is_alone in (True, False):
        button.click()
        page.mouse.move(0, 0)
        for side in ('#classes-0', '#classes-1'):
            names = page.locator(f'{side} .legend-item').all_inner_texts()
            masks = page.locator(f'{side} .mask').all()
            for mask, text in zip(masks, names, strict=True):
                is_hidden = is_alone and text.split()[0] != name
                opacity = re.compile('^0$' if is_hidden else '[1-9]')
                expect(mask).to_have_css('opacity', opacity)


def test_a_phone_shows_the_result_and_needs_no_sideways_scrolling(page, image_file):
    page.set_viewport_size({'width': 390, 'height': 844})
    upload(page, image_file)
    expect(page.locator('#heading-0')).to_be_in_viewport()
    expect(page.locator('#classes-0 .base-image')).to_be_in_viewport(ratio=0.9)
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    assert page.locator('#classes-0 .base-image').bounding_box()['width'] > 300
