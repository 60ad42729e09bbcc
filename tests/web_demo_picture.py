"""Make docs/images/web_demo.png: the web page with the quickstart's model.

Needs the extra `web`, Playwright and Chromium. After `make quickstart`:

python tests/web_demo_picture.py
"""

import argparse
import io
import shutil
import socket
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from mmseg_deeplab.inference import split_models
from mmseg_deeplab.web_demo import open_models, serving, street_examples

MODEL = (
    'configs/deeplabv2_r26_synthetic_streets.py',
    'work_dirs/quickstart/iter_1400.pth',
)
OUT = Path(__file__).parents[1] / 'docs' / 'images' / 'web_demo.png'
WIDTH, HEIGHT = 1280, 800  # px; the image is as high as the page
COLOURS = 256  # a palette image is a third of the size
TIMEOUT = 300_000  # ms, for slow machines
# The seconds of one machine do not belong in the documentation.
WITHOUT_SECONDS = """heading => {
    const text = heading.innerHTML;
    heading.innerHTML = text.replace(/ · [0-9.]+ s/, '');
}"""


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('models', nargs='*', default=MODEL)
    parser.add_argument('--scene', type=int, default=2, help='which example')
    parser.add_argument('--out', default=str(OUT), help='(%(default)s)')
    return parser.parse_args()


def take_screenshot(page: Page, address: str, scene: int, out: str) -> None:
    """Predict an example twice, without and with the CRF."""
    page.set_default_timeout(TIMEOUT)
    page.goto(address)
    page.locator('.gallery button').nth(scene).click()
    page.locator('#labels-0').wait_for()
    page.get_by_label('Compare with').click()
    page.get_by_role('option').last.click()
    page.locator('#labels-1').wait_for()
    page.get_by_label('CRF').nth(1).check()
    page.locator('#heading-1').get_by_text('CRF').wait_for()
    page.mouse.move(0, 0)
    for side in range(2):
        page.locator(f'#heading-{side} p').evaluate(WITHOUT_SECONDS)
    page.wait_for_timeout(2000)  # for animations to end
    image = Image.open(io.BytesIO(page.screenshot(full_page=True)))
    image.convert('RGB').quantize(COLOURS).save(out, optimize=True)


def main() -> None:
    """Serve the page and take the screenshot."""
    args = parse_args()
    sources = split_models(args.models)
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    examples = street_examples(sources[0].config)
    with (
        serving(open_models(sources), examples=examples, port=port) as served,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which('chromium'), args=['--no-sandbox']
        )
        page = browser.new_page(viewport=dict(width=WIDTH, height=HEIGHT))
        take_screenshot(page, served.local_url, args.scene, args.out)
        browser.close()
    print(args.out)


if __name__ == '__main__':
    main()
