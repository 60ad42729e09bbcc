"""What a scan and a training say of files that load."""

import io

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmseg.registry import DATASETS
from PIL import Image

from mmseg_deeplab.config.scan_config import check_first_labels, scan_config
from mmseg_deeplab.datasets.scan import scan_dataset
from mmseg_deeplab.datasets.scan_report import Finding
from mmseg_deeplab.datasets.suspicious_files import image_findings, label_findings
from mmseg_deeplab.utils.errors import InputError

LOAD = [dict(type='LoadCheckedImage'), dict(type='LoadCheckedAnnotations')]


@pytest.fixture
def folder(tmp_path):
    """Make three images with square objects of class 5, and their labels."""
    (tmp_path / 'labels.txt').write_text('\n'.join('abcdef'))
    for kind in ('images', 'labels'):
        (tmp_path / kind).mkdir()
    for number in range(3):
        label = np.zeros((60, 80), np.uint8)
        for row in range(2, 56, 8):
            label[row : row + 5, 10 + number : 50] = 5
        cv2.imwrite(str(tmp_path / f'labels/{number}.png'), label)
        Image.fromarray(label * 40).save(tmp_path / f'images/{number}.jpg')
    return tmp_path


def leaf(folder, **settings) -> dict:
    fixed = dict(type='FolderDataset', data_root=str(folder), pipeline=LOAD)
    return fixed | dict(serialize_data=False) | settings


def scan(folder, **settings):
    return scan_dataset(DATASETS.build(leaf(folder, **settings)), progress=False)


def change(folder, pattern: str, function) -> None:
    for path in folder.glob(pattern):
        cv2.imwrite(str(path), function(cv2.imread(str(path), -1)))


def test_sound_files_give_no_warning(folder):
    report = scan(folder)
    assert not report.faults
    assert {w.kind for w in report.warnings} == {'class that never occurs'}


@pytest.mark.parametrize('orientation', range(1, 9))
def test_a_turn_that_sizes_do_not_show_is_a_warning(folder, orientation):
    image = Image.open(folder / 'images/0.jpg')
    exif = Image.Exif()
    exif[274] = orientation
    image.save(folder / 'images/0.jpg', exif=exif)
    report = scan(folder)
    turned = [w for w in report.warnings if 'EXIF' in w.kind]
    assert len(turned) == (orientation in (2, 3, 4))
    # The other turns exchange height and width.
    assert len(report.faults) == (orientation > 4)
    kept = [dict(LOAD[0], color_type='color_ignore_orientation'), LOAD[1]]
    report = scan(folder, pipeline=kept)
    assert not any('EXIF' in w.kind for w in report.warnings + report.faults)


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
@pytest.mark.parametrize(('highest', 'count'), [(4095, 1), (65535, 0), (0, 0)])
def test_few_of_16_bits(suffix, highest, count):
    image = np.linspace(0, highest, 600).reshape(20, 30).astype(np.uint16)
    content = cv2.imencode(suffix, image)[1].tobytes()
    found = image_findings(content, 'x', is_turned=True)
    assert len(found) == count
    if found:
        assert 'uses 12 of its 16 bits' in found[0].message
        assert '-scale 0 4095 0 255' in found[0].message


@pytest.mark.parametrize('mode', ['L', 'RGB', 'RGBA', 'CMYK'])
def test_alpha_and_inks_are_no_bands_that_are_left_out(mode):
    stream = io.BytesIO()
    Image.new(mode, (20, 10)).save(stream, 'TIFF')
    assert not image_findings(stream.getvalue(), 'x', is_turned=True)


@pytest.mark.parametrize(
    ('resize', 'count'),
    [(cv2.INTER_NEAREST, 0), (cv2.INTER_LINEAR, 1), (cv2.INTER_CUBIC, 1)],
)
def test_resampled_labels(folder, resize, count):
    label = cv2.imread(str(folder / 'labels/0.png'), -1)
    label = cv2.resize(label, None, fx=1.7, fy=1.7, interpolation=resize)
    found = label_findings(np.tile(label, (3, 3)), 'x', 255)
    assert len(found) == count
    # Borders of the ignored label are no ramps.
    ignored = np.where(label == 5, 255, label)
    assert not label_findings(np.tile(ignored, (3, 3)), 'x', 255) or count


def test_masks_of_0_and_255_are_a_fault_and_no_training(folder):
    change(folder, 'labels/*.png', lambda label: label * 51)
    (fault,) = scan(folder).faults
    assert fault.kind == 'fewer than two classes with pixels'
    assert 'only a has pixels, in 3 labels' in fault.message
    cfg = Config(dict(train_dataloader=dict(dataset=leaf(folder))))
    with pytest.raises(InputError, match=r"printf 'background 0 0 0"):
        check_first_labels(cfg)
    # The remedy of the message is enough.
    (folder / 'labels.txt').write_text('background 0 0 0\nobject 255 255 255\n')
    report = scan(folder)
    assert not report.faults
    assert report.pixels[1] == 7 * 5 * (40 + 39 + 38)
    check_first_labels(cfg)


def test_a_training_says_once_what_is_suspicious(folder):
    change(folder, 'labels/*.png', lambda label: cv2.GaussianBlur(label, (5, 5), 1))
    change(folder, '*/*.*', lambda image: np.tile(image, (4, 4)))
    dataset = dict(type='RepeatDataset', times=2, dataset=leaf(folder))
    said = []
    logger = MMLogger.get_current_instance()
    logger.addFilter(keep := lambda record: said.append(record.getMessage()) or True)
    check_first_labels(Config(dict(train_dataloader=dict(dataset=dataset))))
    logger.removeFilter(keep)
    (message,) = [text for text in said if 'check-data' in text]
    assert 'smoothed or resampled label: 3 of 3 samples' in message


def test_a_remedy_is_said_once(folder):
    change(folder, 'labels/*.png', lambda label: label * 51)
    cfg = Config(dict(train_dataloader=dict(dataset=leaf(folder))))
    text = str(scan_config(cfg, progress=False))
    assert text.count('labels/') == 3
    assert text.count('write the foreground as its class id') == 1
    report = scan(folder)
    report.faults.append(Finding('k', 'x', 'x: broken. Remedy: mend it.'))
    assert '  x: broken. Remedy: mend it.' in str(report)
