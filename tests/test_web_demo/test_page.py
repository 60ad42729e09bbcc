"""The page in a real browser, from an upload to the file on the visitor's disk."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from mmseg_deeplab.inference import load_predictor, overlay
from mmseg_deeplab.web_demo import Example, Limits, serving

NAMES = ('tiny (iter_30.pth)', 'tiny (iter_15.pth)')
expect.set_options(timeout=30_000)


@pytest.fixture(scope='module')
def served(models) -> Iterator[str]:
    """Yield the address of a page with two models and one example."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    example = Example('grey.png', np.full((48, 96, 3), 90, np.uint8))
    limits = Limits(megabytes=0.1, megapixels=0.02)
    with serving(models, examples=[example], limits=limits, port=port) as page:
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
    """Yield the page as a new visitor sees it; it asks nobody else for anything."""
    page = browser.new_page()
    page.requests = []
    page.on('request', lambda request: page.requests.append(request.url))
    page.goto(served)
    expect(page.locator('#image-file input[type=file]')).to_be_attached()
    yield page
    page.close()
    assert [u for u in page.requests if not u.startswith((served, 'data:'))] == []


def upload(page: Page, path: Path) -> None:
    """Choose a file and wait for the result."""
    page.locator('#image-file input[type=file]').set_input_files(path)
    expect(page.locator('#viewer [data-painted="1"]')).to_be_visible()


def painted(page: Page, side: int = 0) -> np.ndarray:
    """Return the colours on the canvas of a side."""
    canvas = page.locator('#viewer canvas').nth(side)
    pixels = canvas.evaluate(
        'c => [...c.getContext("2d").getImageData(0, 0, c.width, c.height).data]'
    )
    width, height = (int(canvas.get_attribute(name)) for name in ('width', 'height'))
    return np.array(pixels, np.uint8).reshape(height, width, 4)


def download(page: Page, button: str) -> Image.Image:
    """Click and return the file that arrives."""
    with page.expect_download() as download:
        page.locator(button).click()
    return Image.open(download.value.path())


def labels_of(source, picture: Path, **options) -> np.ndarray:
    """Return the labels of a predictor that has nothing to do with the page."""
    image = cv2.imread(str(picture))[..., ::-1]
    return load_predictor(source, **options).predict([image])[0].labels


PALETTE = np.array([[0] * 3, [9] * 3, [99] * 3], np.uint8)


def test_an_upload_is_painted_and_measured(page, sources, picture):
    upload(page, picture)
    labels = labels_of(sources[0], picture)
    assert (painted(page)[..., :3] == PALETTE[labels]).all()
    shares = 100 * np.bincount(labels.ravel(), minlength=3) / labels.size
    wanted = [
        f'{"abc"[k]}{shares[k]:.1f} %' for k in np.argsort(-shares) if shares[k] > 0
    ]
    rows = page.locator('#viewer .legend button').all_inner_texts()
    assert [row.replace('\n', '') for row in rows] == wanted


def test_downloads_are_the_prediction(page, sources, picture):
    upload(page, picture)
    labels = labels_of(sources[0], picture)
    file = download(page, '#labels-0')
    assert (np.asarray(file) == labels).all()
    assert (np.asarray(file.convert('RGB')) == PALETTE[labels]).all()
    page.locator('#opacity input[type=number]').fill('25')
    image = cv2.imread(str(picture))[..., ::-1]
    wanted = overlay(image, labels, PALETTE.tolist(), opacity=0.25)
    assert (np.asarray(download(page, '#overlay-0')) == wanted).all()


def test_the_slider_asks_nothing_of_the_server(page, picture):
    upload(page, picture)
    before = len(page.requests)
    page.locator('#opacity input[type=number]').fill('25')
    expect(page.locator('#viewer canvas')).to_have_css('opacity', '0.25')
    assert page.requests[before:] == []


def test_the_switch_runs_the_crf(page, sources, picture):
    upload(page, picture)
    page.get_by_label('CRF').first.check()
    expect(page.locator('#viewer .notes')).to_contain_text('CRF')
    labels = labels_of(sources[0], picture, crf=True)
    assert (labels != labels_of(sources[0], picture)).any()
    assert (painted(page)[..., :3] == PALETTE[labels]).all()


def test_two_models_side_by_side(page, sources, picture):
    upload(page, picture)
    page.get_by_label('Compare with').click()
    page.get_by_role('option', name=NAMES[1]).click()
    expect(page.locator('#viewer [data-painted="2"]')).to_be_visible()
    assert page.locator('#viewer h3').all_inner_texts() == [
        f'{n}. {name}' for n, name in enumerate(NAMES, 1)
    ]
    second = labels_of(sources[1], picture)
    assert (painted(page, 1)[..., :3] == PALETTE[second]).all()
    assert (np.asarray(download(page, '#labels-1')) == second).all()


def test_an_example_is_one_click_away(page):
    page.locator('#examples button').first.click()
    expect(page.locator('#viewer .notes')).to_contain_text('96 \xd7 48 px')


def test_a_pasted_image(page, picture):
    page.evaluate(
        """(bytes) => {
            const data = new DataTransfer();
            const part = new Uint8Array(bytes);
            data.items.add(new File([part], 'a.png', {type: 'image/png'}));
            document.dispatchEvent(new ClipboardEvent('paste', {clipboardData: data}));
        }""",
        list(picture.read_bytes()),
    )
    expect(page.locator('#viewer .notes')).to_contain_text('128 \xd7 96 px')


def bad_files(folder: Path) -> dict[str, str]:
    """Write files that are no images for this page; return a word of each complaint."""
    (folder / 'text.png').write_text('not an image')
    noise = np.random.default_rng(0).integers(0, 255, (99, 99, 3), dtype=np.uint8)
    whole = cv2.imencode('.png', noise)[1].tobytes()
    (folder / 'half.png').write_bytes(whole[: len(whole) // 2])
    (folder / 'heavy.bmp').write_bytes(bytes(200_000))
    cv2.imwrite(str(folder / 'wide.png'), np.zeros((150, 151), np.uint8))
    return {'text.png': 'text.png', 'half.png': 'half.png', 'wide.png': '151x150'}


@pytest.mark.parametrize('name', ['text.png', 'half.png', 'wide.png', 'heavy.bmp'])
def test_a_bad_file_is_told_and_the_page_lives(page, tmp_path, picture, name):
    word = bad_files(tmp_path).get(name, 'size')
    page.locator('#image-file input[type=file]').set_input_files(tmp_path / name)
    toast = page.get_by_test_id('toast-body')
    expect(toast).to_contain_text(word)
    assert 'Traceback' not in toast.inner_text()
    upload(page, picture)


def test_the_class_under_the_pointer(page, sources, picture):
    upload(page, picture)
    picture_box = page.locator('#viewer .picture')
    middle = {k: v / 2 for k, v in picture_box.bounding_box().items()}
    picture_box.hover(position={'x': middle['width'] / 2, 'y': middle['height']})
    name = 'abc'[labels_of(sources[0], picture)[48, 32]]
    expect(page.locator('#viewer .pointed')).to_have_text(name)


def test_one_class_alone(page, sources, picture):
    upload(page, picture)
    labels = labels_of(sources[0], picture)
    page.locator(f'#viewer .legend button[data-label="{labels[0, 0]}"]').click()
    expect(page.locator('[aria-pressed=true]')).to_be_visible()
    assert ((painted(page)[..., 3] > 0) == (labels == labels[0, 0])).all()


def test_a_phone_needs_no_sideways_scrolling(page, picture):
    upload(page, picture)
    page.set_viewport_size({'width': 390, 'height': 844})
    assert page.evaluate('document.documentElement.scrollWidth') <= 390
    box = page.locator('#viewer .picture').bounding_box()
    assert box['width'] > 300
